/** What must still be done when the process ends without unwinding: an uncaught error, a second Ctrl-C, process.exit. */
const steps = new Set<() => void>();
let listening = false;

/** Has `step`, which is synchronous and never throws for long, run at an abrupt end; returns what takes it back. */
export function onAbruptEnd(step: () => void): () => void {
  if (!listening) process.on('exit', endAbruptly);
  listening = true;
  steps.add(step);
  return () => steps.delete(step);
}

/** Runs the steps, newest first, each once. One that fails leaves the others alone: the process is about to end. */
export function endAbruptly(): void {
  for (const step of [...steps].reverse()) {
    steps.delete(step);
    try {
      step();
    } catch {
      // Nobody is left to tell.
    }
  }
}
