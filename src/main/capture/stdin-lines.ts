import fs from 'node:fs';

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Lines of stdin, read synchronously: the child has nothing else to do until the next one comes. */
export class StdinLines {
  private rest = Buffer.alloc(0);
  private readonly chunk = Buffer.alloc(CHUNK_BYTES);

  /** The next line without its end; undefined at the end of stdin. */
  next(): string | undefined {
    for (;;) {
      const end = this.rest.indexOf(NEWLINE);
      if (end >= 0) return this.take(end, end + 1);
      const got = readStdin(this.chunk);
      if (got === 0) return this.rest.length > 0 ? this.take(this.rest.length, this.rest.length) : undefined;
      this.rest = Buffer.concat([this.rest, this.chunk.subarray(0, got)]);
    }
  }

  private take(end: number, next: number): string {
    const line = this.rest.toString('utf8', 0, end);
    this.rest = this.rest.subarray(next);
    return line;
  }
}

function readStdin(into: Buffer): number {
  try {
    return fs.readSync(0, into);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'EOF') return 0; // how Windows says that a pipe was closed
    throw e;
  }
}
