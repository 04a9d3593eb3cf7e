/** The cases of a suite: every model × prompt × candidate of every entry. */
import fs from 'node:fs';
import path from 'node:path';

import picomatch from 'picomatch';

import { QuarrelError } from '../../shared/base/errors';
import { isLaterShard } from '../files/model-file';
import type { Suite, SuiteCandidate, SuiteEntry, SuiteExpectation, SuitePrompt } from './suite-file';

export interface SuiteCase {
  /** `model · prompt · candidate`, which `--filter` looks at. */
  readonly name: string;
  /** The name as the name of a file, unique in the suite. */
  readonly fileName: string;
  /** Model file as the table shows it: relative to the suite's folder. */
  readonly model: string;
  readonly modelPath: string;
  readonly prompt: SuitePrompt;
  readonly candidate: SuiteCandidate;
  readonly reference: string;
  readonly threads?: number;
  /** Whether rounding counts as a difference. */
  readonly strict: boolean;
  readonly expect: SuiteExpectation;
}

/** @throws QuarrelError where a glob matches no file */
export function casesOf(suite: Suite): readonly SuiteCase[] {
  const cases = suite.entries.flatMap((entry) => {
    const models = new Set(entry.models.flatMap((m) => modelsOf(m, suite.folder)));
    return [...models].flatMap((modelPath) =>
      entry.prompts.flatMap((prompt) =>
        entry.candidates.map((candidate) => caseOf(suite, entry, modelPath, prompt, candidate)),
      ),
    );
  });
  // Some file systems do not tell case apart.
  const used = new Set<string>();
  const last = new Map<string, number>();
  return cases.map((c) => {
    const plain = fileNameOf(c.name);
    let n = last.get(plain.toLowerCase()) ?? 0;
    let fileName = plain;
    do fileName = ++n === 1 ? plain : `${plain}-${n}`;
    while (used.has(fileName.toLowerCase()));
    last.set(plain.toLowerCase(), n);
    used.add(fileName.toLowerCase());
    return { ...c, fileName };
  });
}

/** Bytes: with its suffixes a name has to stay below the 255 that file systems take. */
const LONGEST_FILE_NAME = 160;

function fileNameOf(name: string): string {
  const plain = name.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|-+$/g, '');
  const characters = Array.from(plain.slice(0, LONGEST_FILE_NAME));
  while (Buffer.byteLength(characters.join('')) > LONGEST_FILE_NAME) characters.pop();
  return characters.join('');
}

/** The cases whose name matches; `*` matches `/`, too. */
export function filtered(cases: readonly SuiteCase[], glob: string | undefined): readonly SuiteCase[] {
  if (glob === undefined) return cases;
  const matches = picomatch(glob, { bash: true, dot: true });
  return cases.filter(({ name }) => matches(name));
}

function caseOf(
  { folder }: Suite,
  entry: SuiteEntry,
  modelPath: string,
  prompt: SuitePrompt,
  candidate: SuiteCandidate,
): Omit<SuiteCase, 'fileName'> {
  const model = path.relative(folder, modelPath).split(path.sep).join('/');
  const { reference, threads } = entry;
  return {
    name: [model, prompt.name, candidate.name].join(' · '),
    model,
    modelPath,
    prompt,
    candidate,
    reference,
    ...(threads === undefined ? {} : { threads }),
    strict: candidate.strict ?? entry.strict ?? false,
    expect: { ...entry.expect, ...candidate.expect },
  };
}

/** A plain path as it is, whether the file exists or not: a missing one fails its own cases. A glob: what it matches. */
function modelsOf({ pattern, at }: SuiteEntry['models'][number], folder: string): readonly string[] {
  const { isGlob, base, glob } = picomatch.scan(pattern);
  if (!isGlob) return [path.resolve(folder, pattern)];
  const root = path.resolve(folder, base);
  const matches = picomatch(glob);
  const found = filesUnder(root)
    .filter((file) => matches(file))
    .sort()
    .map((file) => path.join(root, file))
    .filter((file) => !isLaterShard(file));
  if (found.length > 0) return found;
  throw new QuarrelError(`${at}: no file matches ${JSON.stringify(pattern)} in ${folder}`);
}

/**
 * What lies below a folder and is none itself, by relative path with `/`; nothing where there is no such folder. A link
 * that leads nowhere or to itself counts: its cases fail, and are not left out in silence.
 */
function filesUnder(root: string): readonly string[] {
  if (!isFolder(root)) return [];
  try {
    return fs
      .readdirSync(root, { recursive: true, encoding: 'utf8' })
      .map((file) => file.split(path.sep).join('/'))
      .filter((file) => !isFolder(path.join(root, file)));
  } catch (e) {
    throw new QuarrelError(`cannot list ${root}: ${(e as Error).message}`);
  }
}

function isFolder(file: string): boolean {
  try {
    return fs.statSync(file).isDirectory();
  } catch {
    return false;
  }
}
