import { printable } from '../../shared/base/printable';

/**
 * stdout and stderr of the command line. What stands beside the answer may get lost (a closed or full stderr); the answer
 * may not: whether it was written decides the exit code.
 */
export class Output {
  private pending: Promise<void>[] = [];
  private lost: Error | undefined;

  constructor() {
    // `quarrel … | head` closes our stdout: the answer's first lines were wanted, and the exit code stands.
    process.stdout.on('error', (e: NodeJS.ErrnoException) => this.failed(e));
    process.stderr.on('error', () => undefined);
  }

  /** To stdout, as it is. */
  answer(text: string): void {
    this.pending.push(
      new Promise((resolve) => {
        try {
          process.stdout.write(text, () => resolve());
        } catch (e) {
          this.failed(e as NodeJS.ErrnoException);
          resolve();
        }
      }),
    );
  }

  /** A line to stderr. */
  say(line: string): void {
    this.draw(`${printable(line)}\n`);
  }

  /** To stderr, as it is. */
  readonly draw = (text: string): void => {
    try {
      process.stderr.write(text);
    } catch {
      // A full disk, say: nobody is left to tell.
    }
  };

  /** Waits for the answer to be written. The error of one that was not, though somebody listens. */
  async written(): Promise<Error | undefined> {
    await Promise.all(this.pending);
    // Errors of streams come a turn later.
    await new Promise((resolve) => setImmediate(resolve));
    return this.lost;
  }

  private failed(e: NodeJS.ErrnoException): void {
    if (e.code !== 'EPIPE') this.lost = e;
  }
}
