import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A temporary folder for the traces of one job; its owner disposes it. */
export class RunFolder {
  readonly path: string;

  constructor() {
    this.path = fs.mkdtempSync(path.join(os.tmpdir(), `quarrel-${process.pid}-`));
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  dispose(): void {
    fs.rmSync(this.path, { recursive: true, force: true });
  }
}
