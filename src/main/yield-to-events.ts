/** Gives the event loop a turn in the middle of long work, so that cancel messages and progress get through. */
export function yieldToEvents(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
