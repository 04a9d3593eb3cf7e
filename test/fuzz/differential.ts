/** Quarrel's GGUF reader against libggml's own, on damaged files: they accept and refuse the same, but for a listed few. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { QuarrelError } from '../../src/shared/base/errors';
import type { FindingCode } from '../../src/shared/gguf/findings';
import { parseGguf } from '../../src/shared/gguf/parse';
import { MemorySource } from '../helpers/gguf-fixture';
import { Chance } from './chance';
import { damagedGguf } from './targets/gguf';

export type Answer = 'accepted' | 'refused' | 'aborted';

/** The library in a child process; a new one where it aborts. */
export class Judge {
  private child: ChildProcess | undefined;
  private lines: AsyncIterator<string, unknown> | undefined;

  constructor(private readonly library: string) {}

  async ask(file: string): Promise<Answer> {
    const { child, lines } = this.running();
    child.stdin?.write(`${file}\n`);
    const answer: IteratorResult<string, unknown> = await lines.next();
    if (answer.value === 'accepted' || answer.value === 'refused') return answer.value;
    this.child = undefined;
    return 'aborted';
  }

  async dispose(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null) return;
    child.stdin?.end();
    await once(child, 'exit');
  }

  private running(): { readonly child: ChildProcess; readonly lines: AsyncIterator<string, unknown> } {
    if (!this.child || !this.lines) {
      const script = fileURLToPath(new URL('gguf-judge.mjs', import.meta.url));
      this.child = spawn(process.execPath, [script, this.library], { stdio: ['pipe', 'pipe', 'ignore'] });
      this.child.stdin?.on('error', () => undefined);
      const output = readline.createInterface({ input: this.child.stdout as Readable });
      this.lines = output[Symbol.asyncIterator]() as AsyncIterator<string, unknown>;
    }
    return { child: this.child, lines: this.lines };
  }
}

/**
 * Where Quarrel calls an error what gguf_init_from_file lets pass, and why: all of it llama.cpp refuses later, or Quarrel
 * could not read the data.
 */
const STRICTER: Partial<Readonly<Record<FindingCode, string>>> = {
  'outside-file': "the header's reader does not look at the file's size; llama.cpp's loader does",
  overflow: 'extents of which the product or the bytes leave 2^53',
};

/** What Quarrel refuses and the library takes. */
const REFUSED_ALONE: readonly { readonly message: RegExp; readonly why: string }[] = [
  {
    message: /expected at most \d+ \((the limit|what the rest)/,
    why: 'counts are checked before the entries are read',
  },
  { message: /bytes, expected at most 1048576$/, why: 'a key of more than 1 MiB' },
  {
    message: /the name of tensor \d+ at byte \d+ has \d+ bytes, expected at most 65535/,
    why: 'refused there for its length, too',
  },
];

export interface Differential {
  files: number;
  bothAccept: number;
  bothRefuse: number;
  /** Findings that are errors here, refused there. */
  errorsRefused: number;
  /** Stricter, by what. */
  readonly stricter: Map<string, number>;
  aborted: number;
  /** Neither agreed nor listed. */
  readonly unexplained: { readonly seed: number; readonly ours: string; readonly theirs: Answer }[];
}

export async function differential(library: string, folder: string, from: number, to: number): Promise<Differential> {
  const judge = new Judge(library);
  const result: Differential = {
    ...{ files: 0, bothAccept: 0, bothRefuse: 0, errorsRefused: 0, aborted: 0 },
    stricter: new Map(),
    unexplained: [],
  };
  try {
    for (let seed = from; seed < to; seed++) await compare(seed, judge, path.join(folder, 'differential.gguf'), result);
  } finally {
    await judge.dispose();
  }
  return result;
}

async function compare(seed: number, judge: Judge, file: string, result: Differential): Promise<void> {
  const bytes = damagedGguf(new Chance(seed));
  fs.writeFileSync(file, bytes);
  const theirs = await judge.ask(file);
  const ours = verdictOf(bytes);
  result.files++;
  if (theirs === 'aborted') result.aborted++;
  const refused = theirs !== 'accepted';
  if (ours.kind === 'clean' && !refused) result.bothAccept++;
  else if (ours.kind === 'refused' && refused) result.bothRefuse++;
  else if (ours.kind === 'errors' && refused) result.errorsRefused++;
  else {
    const why = refused ? undefined : whyStricter(ours);
    if (why === undefined) result.unexplained.push({ seed, ours: `${ours.kind} ${ours.text}`, theirs });
    else result.stricter.set(why, (result.stricter.get(why) ?? 0) + 1);
  }
}

interface Ours {
  readonly kind: 'clean' | 'errors' | 'refused';
  readonly text: string;
}

/** Warnings count as clean. */
function verdictOf(bytes: Uint8Array<ArrayBuffer>): Ours {
  try {
    const errors = parseGguf(new MemorySource(bytes)).findings.filter((f) => f.severity === 'error');
    return { kind: errors.length > 0 ? 'errors' : 'clean', text: [...new Set(errors.map((f) => f.code))].join() };
  } catch (e) {
    if (!(e instanceof QuarrelError)) throw e;
    return { kind: 'refused', text: e.message };
  }
}

function whyStricter({ kind, text }: Ours): string | undefined {
  if (kind === 'refused') return REFUSED_ALONE.find(({ message }) => message.test(text))?.why;
  const codes = text.split(',');
  return codes.every((code) => Object.hasOwn(STRICTER, code)) ? codes.join(' and ') : undefined;
}
