/** Files that a run reads more than once, by way of several processes: all must have read the same. */
import fs from 'node:fs';

import { CancelledError, QuarrelError } from '../../shared/base/errors';

type Seen = fs.BigIntStats | undefined;

/** How files were when a run began. The names count, not open files: every reader opens them by name. */
export class WatchedFiles {
  private readonly seen: ReadonlyMap<string, Seen>;

  constructor(paths: readonly string[]) {
    this.seen = new Map(paths.map((path) => [path, look(path)]));
  }

  /** What changed since, in words; undefined where nothing did. A change that leaves the size alone is one, too. */
  changed(): string | undefined {
    for (const [path, before] of this.seen) {
      const how = howChanged(before, look(path));
      if (how !== undefined)
        return `${path} changed during the run: ${how}; run it again on a file that stays as it is`;
    }
    return undefined;
  }

  /** Throws QuarrelError where one changed. */
  requireUnchanged(): void {
    const changed = this.changed();
    if (changed !== undefined) throw new QuarrelError(changed);
  }
}

/**
 * Does something with files that must stay as they are meanwhile. Throws QuarrelError where one changed, whatever came of
 * the work: an error may well be due to that.
 */
export async function onUnchanged<T>(paths: readonly string[], work: () => Promise<T>): Promise<T> {
  const files = new WatchedFiles(paths);
  return explained(files, async () => {
    const result = await work();
    files.requireUnchanged();
    return result;
  });
}

/** What the work ends with; where it failed and a file changed, that is the reason. */
export async function explained<T>(files: WatchedFiles, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (e) {
    const changed = e instanceof CancelledError ? undefined : files.changed();
    if (changed === undefined) throw e;
    throw new QuarrelError(changed, e instanceof Error ? e.message : String(e));
  }
}

function look(path: string): Seen {
  try {
    return fs.statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

function howChanged(before: Seen, now: Seen): string | undefined {
  if (before === undefined) return undefined; // whoever opens it says so
  if (now === undefined) return 'it is gone';
  if (before.dev !== now.dev || before.ino !== now.ino) return 'another file has taken its place';
  if (before.size !== now.size) return `it had ${before.size} bytes and has ${now.size}`;
  if (before.mtimeNs !== now.mtimeNs) return `it was written to (${timeOf(before)}, then ${timeOf(now)})`;
  return undefined;
}

function timeOf({ mtime }: fs.BigIntStats): string {
  return mtime.toISOString();
}
