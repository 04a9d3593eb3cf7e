/**
 * An expected failure with one clear line for the user: bad input, a missing
 * library, a crashed child. The CLI prints `message` and exits 2; the window
 * shows it in place. Anything else that is thrown is a bug.
 */
export class QuarrelError extends Error {
  override readonly name = 'QuarrelError';
  constructor(
    message: string,
    /** Longer evidence (what llama.cpp printed last, say), shown on demand. */
    readonly detail?: string,
  ) {
    super(message);
  }
}

/** The user cancelled; nothing half-written is left. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
  constructor() {
    super('cancelled');
  }
}
