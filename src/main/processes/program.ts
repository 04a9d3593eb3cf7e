/**
 * A program of ours in a process of its own, which may crash: structured clones go both ways. Plain Node starts it with
 * `child_process.fork`, Electron with `utilityProcess.fork`; the program itself sees one and the same (parent-link.ts).
 */
import type { EntryName } from '../entry-path';

export type ProgramEntry = Extract<EntryName, 'capture-child' | 'job-worker'>;

/** What a process ended with. */
export type Ending =
  | { readonly kind: 'exited'; readonly code: number }
  /** `signal` is absent where the platform does not say which. */
  | { readonly kind: 'killed'; readonly signal?: NodeJS.Signals }
  | { readonly kind: 'not-started'; readonly reason: string };

/** What its starter hears, of which `end` is the last. */
export interface ProgramListener {
  message(message: unknown): void;
  /** A line of its stderr. */
  line(line: string): void;
  end(ending: Ending): void;
}

export interface Program {
  /** Lost where the program is gone; its end is told apart from that. */
  post(message: unknown): void;
  /** Ends it at once, whatever it does. */
  kill(): void;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export type StartProgram = (entry: ProgramEntry, env: Environment, listener: ProgramListener) => Program;

/** In words: `ended with code 3`, `was killed by SIGABRT`. */
export function endingText(ending: Ending): string {
  switch (ending.kind) {
    case 'exited':
      return `ended with code ${ending.code}`;
    case 'killed':
      return `was killed${ending.signal === undefined ? '' : ` by ${ending.signal}`}`;
    case 'not-started':
      return `could not be started: ${ending.reason}`;
  }
}
