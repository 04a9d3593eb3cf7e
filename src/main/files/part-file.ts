import fs from 'node:fs';
import path from 'node:path';

import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import type { Temporary } from './temporary';
import { partBeside } from './temporary';

/** A file that is written piece by piece beside its target and takes the target's place as a whole, or not at all. */
export class PartFile {
  private written = 0;

  private constructor(
    private readonly target: string,
    private readonly part: Temporary,
    private fd: number | undefined,
  ) {}

  /** Throws QuarrelError when the folder of `target` cannot be written. */
  static create(target: string): PartFile {
    const part = partBeside(target);
    try {
      fs.mkdirSync(path.dirname(part.path), { recursive: true });
      return new PartFile(target, part, fs.openSync(part.path, 'wx'));
    } catch (e) {
      part.remove();
      throw new QuarrelError(`cannot write ${target}: ${(e as Error).message}`);
    }
  }

  write(bytes: Uint8Array): void {
    assert(this.fd !== undefined, `write to ${this.target} after its end`);
    for (let done = 0; done < bytes.length;) {
      try {
        const wrote = fs.writeSync(this.fd, bytes, done, bytes.length - done);
        done += wrote;
        this.written += wrote;
      } catch (e) {
        throw new QuarrelError(`cannot write ${this.target} at byte ${this.written}: ${(e as Error).message}`);
      }
    }
  }

  /** Puts the file in place; returns its size in bytes. */
  commit(): number {
    assert(this.fd !== undefined, `commit of ${this.target} after its end`);
    fs.closeSync(this.fd);
    this.fd = undefined;
    try {
      fs.renameSync(this.part.path, this.target);
      this.part.keep();
    } catch (e) {
      this.part.remove();
      throw new QuarrelError(`cannot write ${this.target}: ${(e as Error).message}`);
    }
    return this.written;
  }

  /** Removes what was written, unless it was committed. */
  dispose(): void {
    if (this.fd === undefined) return;
    fs.closeSync(this.fd);
    this.fd = undefined;
    this.part.remove();
  }
}
