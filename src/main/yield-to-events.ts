/** Gives the event loop a turn in the middle of long work, so that cancel messages and progress get through. */
export function yieldToEvents(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Milliseconds of uninterrupted work after which the event loop gets a turn. */
const TURN_MS = 50;

/** For a JobControl: turns that are due by the clock. */
export function turnsByClock(): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < TURN_MS) return undefined;
    return yieldToEvents().then(() => {
      last = performance.now();
    });
  };
}
