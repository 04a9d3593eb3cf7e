/** A suite as its file says it (`quarrel.suite/1`, docs/suite.md): read and checked, nothing opened yet. */
import path from 'node:path';

import { QuarrelError } from '../../shared/base/errors';
import { parseJson, pathText } from '../../shared/base/json';
import type { PromptSpec } from '../../shared/ipc/jobs';
import { readText } from '../files/open-regular';
import { laneFrom } from './lane-from';
import type { CandidateForm, PartsForm, PromptForm } from './suite-form';
import { form } from './suite-form';

/** What a case is expected to show. A clean verdict where nothing is said. */
export interface SuiteExpectation {
  readonly verdict?: 'clean' | 'diverged';
  /** Key of the first bad node; any of several. */
  readonly node?: readonly string[];
  /** Decode step of the first bad node; 0 is the prompt. */
  readonly step?: number;
  /** Id of the proved cause; any of several. `none`: unexplained. */
  readonly cause?: readonly string[];
  /** Next token after the prompt, as text or id. */
  readonly token?: string;
  readonly minLogit?: number;
}

export interface SuitePrompt {
  readonly name: string;
  /** Undefined: the tokens that the candidate's dump names. */
  readonly prompt: PromptSpec | undefined;
  readonly steps?: number;
  readonly stepTokens?: readonly number[];
}

export interface SuiteCandidate {
  readonly name: string;
  readonly lane: string;
  /** Name map of a dump. */
  readonly map?: string;
  /** Folder that gets a repro of each first bad node, one folder per case. */
  readonly repro?: string;
  /** Whether rounding counts as a difference; as the entry says when absent. */
  readonly strict?: boolean;
  readonly expect: SuiteExpectation;
}

/** Models × prompts × candidates that share what is expected. */
export interface SuiteEntry {
  /** Patterns relative to the suite's folder, each with its place in the file. */
  readonly models: readonly { readonly pattern: string; readonly at: string }[];
  readonly prompts: readonly SuitePrompt[];
  readonly candidates: readonly SuiteCandidate[];
  readonly reference: string;
  readonly threads?: number;
  /** Whether rounding counts as a difference; it does not when absent. */
  readonly strict?: boolean;
  readonly expect: SuiteExpectation;
}

export interface Suite {
  readonly file: string;
  readonly name: string;
  /** Folder that the paths in the file are relative to. */
  readonly folder: string;
  readonly entries: readonly SuiteEntry[];
}

/** @throws QuarrelError that says where in the file, what was found and what is expected */
export function readSuite(file: string): Suite {
  return parseSuite(readText(file, `the suite ${file}`), file);
}

export function parseSuite(text: string, file: string): Suite {
  const folder = path.dirname(path.resolve(file));
  const document = parseJson(text, form, file);
  const { name = path.basename(file, path.extname(file)), defaults, entries } = document;
  const whole = { ...partsIn(defaults, ['defaults'], { file, folder }), ...partsIn(document, [], { file, folder }) };
  if (!entries) return { file, name, folder, entries: [completed(whole, [], file)] };
  const all = entries.map((entry, i) => {
    const at = ['entries', i];
    return completed({ ...whole, ...partsIn(entry, at, { file, folder }) }, at, file);
  });
  return { file, name, folder, entries: all };
}

type Place = readonly (string | number)[];
type Parts = Partial<SuiteEntry>;

function partsIn(
  { models, prompts, candidates, reference, threads, strict, expect }: PartsForm,
  at: Place,
  { file, folder }: { readonly file: string; readonly folder: string },
): Parts {
  return {
    ...(models ? { models: models.map((pattern, i) => ({ pattern, at: placed(file, [...at, 'models', i]) })) } : {}),
    ...(prompts ? { prompts: prompts.map(promptOf) } : {}),
    ...(candidates ? { candidates: candidates.map((c) => candidateOf(c, folder)) } : {}),
    ...(reference === undefined ? {} : { reference: laneFrom(reference, folder) }),
    ...(threads === undefined ? {} : { threads }),
    ...(strict === undefined ? {} : { strict }),
    ...(expect === undefined ? {} : { expect }),
  };
}

function completed(parts: Parts, at: Place, file: string): SuiteEntry {
  const { models, candidates } = parts;
  const fail = (why: string): never => {
    throw new QuarrelError(`${placed(file, at)}: ${why}`);
  };
  if (!models) return fail('"models" is missing: a list of model files, globs allowed');
  if (!candidates) return fail('"candidates" is missing: a list of lanes');
  const prompts = parts.prompts ?? [{ name: "the dump's tokens", prompt: undefined }];
  const needsPrompt = candidates.find((c) => !c.lane.startsWith('trace:'));
  if (!parts.prompts && needsPrompt) {
    return fail(`"prompts" is missing: only a dump (trace:FILE) says its tokens, ${needsPrompt.lane} does not`);
  }
  return { reference: 'llama', expect: {}, ...parts, models, candidates, prompts };
}

function placed(file: string, at: Place): string {
  return at.length === 0 ? file : `${file}: ${pathText(at)}`;
}

function promptOf(found: PromptForm): SuitePrompt {
  if (typeof found === 'string') return { name: found, prompt: { kind: 'prompt', text: found } };
  const { name, text, tokens, ...steps } = found;
  const prompt: PromptSpec | undefined =
    text !== undefined ? { kind: 'prompt', text } : tokens ? { kind: 'tokens', tokens } : undefined;
  return { name: name ?? text ?? tokens?.join(',') ?? "the dump's tokens", prompt, ...steps };
}

function candidateOf(found: CandidateForm, folder: string): SuiteCandidate {
  if (typeof found === 'string') return { name: found, lane: laneFrom(found, folder), expect: {} };
  const { lane, name = lane, map, repro, ...rest } = found;
  return {
    name,
    lane: laneFrom(lane, folder),
    ...(map === undefined ? {} : { map: path.resolve(folder, map) }),
    ...(repro === undefined ? {} : { repro: path.resolve(folder, repro) }),
    expect: {},
    ...rest,
  };
}
