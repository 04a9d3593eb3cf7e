import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Removes the temporary folders of this user's processes that are gone. What cannot be removed is left. */
export function sweepLeftovers(): void {
  for (const name of fs.readdirSync(os.tmpdir())) {
    const pid = /^quarrel-(\d+)-/.exec(name)?.[1];
    const folder = path.join(os.tmpdir(), name);
    if (pid === undefined || lives(Number(pid)) || !isOwn(folder)) continue;
    try {
      fs.rmSync(folder, { recursive: true, force: true });
    } catch {
      // In nobody's way.
    }
  }
}

function isOwn(folder: string): boolean {
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && (process.getuid === undefined || stat.uid === process.getuid());
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'EPERM';
  }
}
