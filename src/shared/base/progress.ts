/** What long work tells its caller; `done`/`total` in the unit the text names. */
export interface Progress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly detail?: string;
}

/** How long work is steered. `throwIfCancelled` throws CancelledError. */
export interface JobControl {
  progress(p: Progress): void;
  throwIfCancelled(): void;
  /**
   * Gives the event loop a turn where one is due, so that cancellation and progress get through; undefined where none is.
   * Absent where nobody waits. The domain reads no clock: whoever holds the control does.
   */
  breathe?(): Promise<void> | undefined;
  /** Called once when the job is cancelled; returns the unsubscriber. */
  onCancel(listener: () => void): () => void;
}
