import path from 'node:path';

import type { Temporary } from '../files/temporary';
import { folderBeside, temporaryFolder } from '../files/temporary';

/** A temporary folder for the traces of one job; its owner disposes it. */
export class RunFolder {
  private readonly temporary: Temporary;

  /** @param beside a file that is to be moved out of the folder at the end: the folder lies next to it then */
  constructor(beside?: string) {
    this.temporary = beside === undefined ? temporaryFolder() : folderBeside(beside);
  }

  get path(): string {
    return this.temporary.path;
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  dispose(): void {
    this.temporary.remove();
  }
}
