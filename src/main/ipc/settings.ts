import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { RecentFile, Theme } from '../../shared/ipc/contract';
import { writeAtomic } from '../files/write-atomic';

const RECENT_LIMIT = 12;

const schema = z.object({
  theme: z.enum(['system', 'dark', 'light']).catch('system'),
  recent: z.array(z.string().min(1)).catch([]),
  tourSeen: z.boolean().catch(false),
});

/** Theme, recent files and whether the tour was seen, kept as JSON. A file that is missing or spoiled counts as empty. */
export class Settings {
  private theme_: Theme;
  private paths: string[];
  private tourSeen_: boolean;

  constructor(private readonly file: string) {
    const { theme, recent, tourSeen } = read(file);
    this.theme_ = theme;
    this.tourSeen_ = tourSeen;
    this.paths = recent.slice(0, RECENT_LIMIT);
  }

  get theme(): Theme {
    return this.theme_;
  }

  set theme(theme: Theme) {
    this.theme_ = theme;
    this.save();
  }

  get tourSeen(): boolean {
    return this.tourSeen_;
  }

  set tourSeen(seen: boolean) {
    this.tourSeen_ = seen;
    this.save();
  }

  /** Newest first; files that are gone are left out, but come back with their disk. */
  recent(): readonly RecentFile[] {
    return this.paths
      .filter((path) => existsSync(path))
      .map((path) => ({ path, name: basename(path), folder: dirname(path) }));
  }

  remember(path: string): void {
    const whole = resolve(path);
    this.paths = [whole, ...this.paths.filter((p) => p !== whole)].slice(0, RECENT_LIMIT);
    this.save();
  }

  forgetRecent(): void {
    this.paths = [];
    this.save();
  }

  private save(): void {
    mkdirSync(dirname(this.file), { recursive: true });
    const kept = { theme: this.theme_, recent: this.paths, tourSeen: this.tourSeen_ } satisfies z.infer<typeof schema>;
    writeAtomic(this.file, `${JSON.stringify(kept, undefined, 2)}\n`);
  }
}

function read(file: string): z.infer<typeof schema> {
  let parsed: unknown = {};
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // First start, or a file somebody spoiled: both begin anew.
  }
  const result = schema.safeParse(parsed);
  return result.success ? result.data : { theme: 'system', recent: [], tourSeen: false };
}
