import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { QuarrelError } from '../../shared/base/errors';

/** A temporary folder for the traces of one job; its owner disposes it. */
export class RunFolder {
  readonly path: string;

  /** @param beside a file that is to be moved out of the folder at the end: the folder lies next to it then */
  constructor(beside?: string) {
    this.path =
      beside === undefined ? fs.mkdtempSync(path.join(os.tmpdir(), `quarrel-${process.pid}-`)) : folderBeside(beside);
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  dispose(): void {
    fs.rmSync(this.path, { recursive: true, force: true });
  }
}

function folderBeside(file: string): string {
  try {
    fs.mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
    return fs.mkdtempSync(`${file}.`);
  } catch (e) {
    throw new QuarrelError(`cannot write ${file}: ${(e as Error).message}`);
  }
}
