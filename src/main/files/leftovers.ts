/** Removes what killed processes of this user left behind. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { isGone, isProcessIdentity, lives } from './process-identity';
import { NOTE_PREFIX, OWNER_FILE } from './temporary';

/** As `mkdtemp` names them. */
const HOME = /^quarrel-(\d+)-[A-Za-z0-9]{6}$/;
/** A folder for the user (`lastingFolder`) that was not finished. */
const LASTING = /^quarrel-[a-z]+-[A-Za-z0-9]{6}$/;
/** A home gets its owner file right after it was made; one without is a stranger's or half made, and is left for a day. */
const UNOWNED_MS = 24 * 3600 * 1000;

/**
 * For the start of a program. Folders of other users, of processes that run, and of other machines, boots or PID
 * namespaces where it cannot be told are left. What cannot be removed is left, too: it is in nobody's way.
 */
export function sweepLeftovers(): void {
  for (const home of homes()) {
    try {
      if (isAbandoned(home)) sweep(home);
    } catch {
      // Gone meanwhile, or not ours to remove.
    }
  }
}

interface HomeFolder {
  readonly path: string;
  readonly pid: number;
  readonly changedAt: number;
}

function homes(): readonly HomeFolder[] {
  const root = os.tmpdir();
  return namesIn(root).flatMap((name) => {
    const pid = Number(HOME.exec(name)?.[1]);
    const folder = path.join(root, name);
    const stat = Number.isSafeInteger(pid) ? ownStat(folder) : undefined;
    return stat?.isDirectory() ? [{ path: folder, pid, changedAt: stat.mtimeMs }] : [];
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

/** Of a thing of this user's, no link followed; undefined for anything else. */
function ownStat(file: string): fs.Stats | undefined {
  try {
    const stat = fs.lstatSync(file);
    return process.getuid === undefined || stat.uid === process.getuid() ? stat : undefined;
  } catch {
    return undefined;
  }
}

function isAbandoned({ path: folder, pid, changedAt }: HomeFolder): boolean {
  const owner = ownerOf(path.join(folder, OWNER_FILE));
  if (owner !== undefined) return owner.pid === pid && isGone(owner);
  return !lives(pid) && Date.now() - changedAt > UNOWNED_MS;
}

function ownerOf(file: string): Parameters<typeof isGone>[0] | undefined {
  if (!ownStat(file)?.isFile()) return undefined;
  try {
    const value: unknown = JSON.parse(fs.readFileSync(file, 'utf8'));
    return isProcessIdentity(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The unfinished files that it notes, then itself. A home without an owner is half made: nothing else is in it. */
function sweep({ path: home, pid }: HomeFolder): void {
  if (ownerOf(path.join(home, OWNER_FILE)) === undefined) {
    if (namesIn(home).some((name) => name !== OWNER_FILE)) return;
    fs.rmSync(path.join(home, OWNER_FILE), { force: true });
    fs.rmdirSync(home);
    return;
  }
  for (const name of namesIn(home).filter((n) => n.startsWith(NOTE_PREFIX))) {
    const note = path.join(home, name);
    if (!ownStat(note)?.isFile()) continue;
    const part = fs.readFileSync(note, 'utf8');
    if (isUnfinished(part, pid) && ownStat(part)) fs.rmSync(part, { recursive: true, force: true });
  }
  fs.rmSync(home, { recursive: true, force: true });
}

/** Whether a process of that number names what it has not finished so: a note may name nothing else. */
function isUnfinished(part: string, pid: number): boolean {
  if (!path.isAbsolute(part)) return false;
  const { dir, base } = path.parse(part);
  return new RegExp(`\\.quarrel-${pid}-[0-9a-f]{8}\\.part$`).test(base) || (dir === os.tmpdir() && LASTING.test(base));
}
