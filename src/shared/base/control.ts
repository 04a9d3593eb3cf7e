import { CancelledError } from './errors';
import type { JobControl, Progress } from './progress';

/** The one implementation of JobControl: whoever starts the work holds it and may cancel. */
export class Control implements JobControl {
  private readonly listeners = new Set<() => void>();
  private stopped = false;

  /** @param turn gives the event loop a turn where one is due */
  constructor(
    private readonly report: (p: Progress) => void,
    private readonly turn?: () => Promise<void> | undefined,
  ) {}

  progress(p: Progress): void {
    this.report(p);
  }

  throwIfCancelled(): void {
    if (this.stopped) throw new CancelledError();
  }

  breathe(): Promise<void> | undefined {
    return this.turn?.();
  }

  onCancel(listener: () => void): () => void {
    if (this.stopped) listener();
    else this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  cancel(): void {
    if (this.stopped) return;
    this.stopped = true;
    for (const listener of [...this.listeners]) listener();
    this.listeners.clear();
  }
}

/** The same control under a stage name of the caller's. */
export function staged(control: JobControl, stage: string): JobControl {
  return {
    progress: (p) => control.progress({ ...p, stage, detail: p.detail ?? p.stage }),
    throwIfCancelled: () => control.throwIfCancelled(),
    breathe: () => control.breathe?.(),
    onCancel: (listener) => control.onCancel(listener),
  };
}

/** The same control as a part of larger work: its stages are told behind the part's name. */
export function asPart(control: JobControl, part: string): JobControl {
  return {
    progress: (p) => control.progress({ ...p, stage: `${part}: ${p.stage}` }),
    throwIfCancelled: () => control.throwIfCancelled(),
    breathe: () => control.breathe?.(),
    onCancel: (listener) => control.onCancel(listener),
  };
}

/** The same control without progress: for thousands of small runs inside one that has its own. */
export function silent(control: JobControl): JobControl {
  return {
    progress: () => undefined,
    throwIfCancelled: () => control.throwIfCancelled(),
    breathe: () => control.breathe?.(),
    onCancel: (listener) => control.onCancel(listener),
  };
}
