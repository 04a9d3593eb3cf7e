import { QuarrelError } from '../../shared/base/errors';

/** Writes that may fail without taking the verdict with them: what was found is told first, then the failure. */
export class WriteFailures {
  private first: QuarrelError | undefined;

  attempt(write: () => void): void {
    try {
      write();
    } catch (e) {
      if (!(e instanceof QuarrelError)) throw e;
      this.first ??= e;
    }
  }

  /** Throws QuarrelError where a write failed. */
  throwFirst(): void {
    if (this.first) throw this.first;
  }
}
