/**
 * What a process writes before it is finished, so that nothing of it stays, however the process ends. All temporary
 * folders lie in one home, `quarrel-<pid>-…` in the system's folder for such; unfinished files lie beside their targets,
 * with a note in the home. A home whose process is gone is swept by the next one (leftovers.ts).
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { QuarrelError } from '../../shared/base/errors';
import { onAbruptEnd } from '../ended-abruptly';
import { ownIdentity } from './process-identity';

/** Files of a home. */
export const OWNER_FILE = 'owner.json';
export const NOTE_PREFIX = 'beside-';

/** Something unfinished; its owner either removes it or keeps what became of it. */
export interface Temporary {
  readonly path: string;
  /** Removes it, if it is still there. */
  remove(): void;
  /** It is finished, and stays. */
  keep(): void;
}

let home: Home | undefined;

/** A new folder in the system's folder for temporary files. Throws QuarrelError that names that folder. */
export function temporaryFolder(): Temporary {
  home ??= new Home();
  return home.folder();
}

/**
 * A name beside `target` for its unfinished self, which then takes the target's place by a rename. Nothing is made yet.
 */
export function partBeside(target: string): Temporary {
  const resolved = path.resolve(target);
  const part = `${resolved}.quarrel-${process.pid}-${randomBytes(4).toString('hex')}.part`;
  return noted(part);
}

/** As `partBeside`, made as a folder, and those above it. Throws QuarrelError. */
export function folderBeside(target: string): Temporary {
  const part = partBeside(target);
  try {
    fs.mkdirSync(part.path, { recursive: true });
    return part;
  } catch (e) {
    part.remove();
    throw new QuarrelError(`cannot write ${target}: ${(e as Error).message}`);
  }
}

/** A new folder in the system's folder for temporary files whose content is for the user, once it is kept. */
export function lastingFolder(name: string): Temporary {
  try {
    return noted(fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`)));
  } catch (e) {
    throw cannotMake(e);
  }
}

function noted(file: string): Temporary {
  const note = noteOf(file);
  let done = false;
  const end = (finish: () => boolean): void => {
    if (done) return;
    done = true;
    takeBack();
    // What could not be removed stays noted for the next start.
    if (finish()) note?.remove();
  };
  const remove = (): void => end(() => removeAll(file));
  const takeBack = onAbruptEnd(remove);
  return { path: file, remove, keep: () => end(() => true) };
}

/** Without a folder for temporary files there is no note: what a killed process left is then for its user to find. */
function noteOf(file: string): Temporary | undefined {
  try {
    home ??= new Home();
    return home.note(file);
  } catch (e) {
    if (e instanceof QuarrelError) return undefined;
    throw e;
  }
}

/** Removed with the last thing in it. */
class Home {
  private readonly path = makeHome();
  private readonly takeBack = onAbruptEnd(() => this.dispose());
  private count = 0;
  private inUse = 0;

  folder(): Temporary {
    return this.held(() => fs.mkdtempSync(path.join(this.path, 'run-')));
  }

  note(file: string): Temporary {
    return this.held(() => {
      const note = path.join(this.path, `${NOTE_PREFIX}${this.count++}`);
      fs.writeFileSync(note, file, { flag: 'wx' });
      return note;
    });
  }

  private held(make: () => string): Temporary {
    this.inUse++;
    let made: string;
    try {
      made = make();
    } catch (e) {
      this.release();
      throw cannotMake(e);
    }
    let done = false;
    const remove = (): void => {
      if (done) return;
      done = true;
      removeAll(made);
      this.release();
    };
    return { path: made, remove, keep: remove };
  }

  private release(): void {
    this.inUse--;
    if (this.inUse === 0) this.dispose();
  }

  private dispose(): void {
    if (home === this) home = undefined;
    this.takeBack();
    // What could not be removed is noted in it, for the next start.
    if (this.inUse === 0 || !this.hasNotes()) removeAll(this.path);
  }

  private hasNotes(): boolean {
    try {
      return fs.readdirSync(this.path).some((name) => name.startsWith(NOTE_PREFIX));
    } catch {
      return false;
    }
  }
}

function makeHome(): string {
  let folder: string | undefined;
  try {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), `quarrel-${process.pid}-`));
    fs.writeFileSync(path.join(folder, OWNER_FILE), JSON.stringify(ownIdentity()));
    return folder;
  } catch (e) {
    if (folder !== undefined) removeAll(folder);
    throw cannotMake(e);
  }
}

function cannotMake(e: unknown): QuarrelError {
  const where = os.tmpdir();
  return new QuarrelError(
    `cannot write temporary files in ${where}: ${(e as Error).message}; TMPDIR (Windows: TEMP) names another folder`,
  );
}

/**
 * Whether all is gone. A virus scanner or a child that is just ending may hold a file for a moment; an error here must not
 * take the place of the one that the work ended with.
 */
function removeAll(target: string): boolean {
  try {
    fs.rmSync(target, { recursive: true, force: true, maxRetries: 3 });
    return true;
  } catch {
    return false;
  }
}
