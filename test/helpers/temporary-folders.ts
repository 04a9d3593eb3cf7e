import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** The folders of runs that this process has open: `run-…` in its homes (src/main/files/temporary.ts). */
export function runFolders(): string[] {
  return fs
    .readdirSync(os.tmpdir())
    .filter((name) => name.startsWith(`quarrel-${process.pid}-`))
    .flatMap((home) => fs.readdirSync(path.join(os.tmpdir(), home)).map((name) => path.join(os.tmpdir(), home, name)))
    .filter((file) => path.basename(file).startsWith('run-'));
}
