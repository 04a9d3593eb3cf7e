/** A suite as its file says it (`quarrel.suite/1`, docs/suite.md): read and checked, nothing opened yet. */
import path from 'node:path';

import { QuarrelError } from '../../shared/base/errors';
import { parseLane } from '../../shared/divergence/lane-spec';
import type { PromptSpec } from '../../shared/ipc/jobs';
import { readText } from '../files/open-regular';
import { JsonValue } from './json-value';
import { laneFrom } from './lane-from';

export const SUITE_SCHEMA = 'quarrel.suite/1';

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
  /** Where it stands in the file. */
  readonly at: JsonValue;
  /** Patterns relative to the suite's folder, each with its place in the file. */
  readonly models: readonly { readonly pattern: string; readonly at: JsonValue }[];
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

const PARTS = ['models', 'prompts', 'candidates', 'reference', 'threads', 'strict', 'expect'] as const;
const EXPECTATIONS = ['verdict', 'node', 'step', 'cause', 'token', 'minLogit'];

/** @throws QuarrelError that says where in the file, what was found and what is expected */
export function readSuite(file: string): Suite {
  return parseSuite(readText(file, `the suite ${file}`), file);
}

export function parseSuite(text: string, file: string): Suite {
  const root = JsonValue.parse(text, file);
  const folder = path.dirname(path.resolve(file));
  const field = root.fields(['schema', 'name', 'defaults', ...PARTS, 'entries'], 'an object');
  const schema = field('schema') ?? root.refuse(`"schema" is missing; ${JSON.stringify(SUITE_SCHEMA)} expected`);
  schema.oneOf([SUITE_SCHEMA]);
  const defaults = partsOf(field('defaults'), folder);
  const whole = { ...defaults, ...partsIn(field, folder) };
  const listed = field('entries');
  const entries = listed
    ? listed.items('a list of objects').map((at) => completed({ ...whole, ...partsOf(at, folder) }, at))
    : [completed(whole, root)];
  const name = field('name')?.string('a name') ?? path.basename(file, path.extname(file));
  return { file, name, folder, entries };
}

type Parts = Partial<Omit<SuiteEntry, 'at'>>;

function partsOf(value: JsonValue | undefined, folder: string): Parts {
  return value ? partsIn(value.fields(PARTS, 'an object'), folder) : {};
}

function partsIn(field: (name: string) => JsonValue | undefined, folder: string): Parts {
  const [models, prompts, candidates] = [field('models'), field('prompts'), field('candidates')];
  const [reference, threads] = [field('reference'), field('threads')];
  const [strict, expect] = [field('strict'), field('expect')];
  return {
    ...(models ? { models: oneOrMore(models).map((at) => ({ pattern: at.string('a path or glob'), at })) } : {}),
    ...(prompts ? { prompts: oneOrMore(prompts).map(promptOf) } : {}),
    ...(candidates ? { candidates: oneOrMore(candidates).map((c) => candidateOf(c, folder)) } : {}),
    ...(reference ? { reference: laneOf(reference, folder) } : {}),
    ...(threads ? { threads: threads.count('a number of threads') } : {}),
    ...(strict ? { strict: strict.boolean() } : {}),
    ...(expect ? { expect: expectationOf(expect) } : {}),
  };
}

function completed(parts: Parts, at: JsonValue): SuiteEntry {
  const { models, candidates } = parts;
  if (!models) return at.refuse('"models" is missing: a list of model files, globs allowed');
  if (!candidates) return at.refuse('"candidates" is missing: a list of lanes');
  const prompts = parts.prompts ?? [{ name: "the dump's tokens", prompt: undefined }];
  const needsPrompt = candidates.find((c) => !c.lane.startsWith('trace:'));
  if (!parts.prompts && needsPrompt) {
    return at.refuse(`"prompts" is missing: only a dump (trace:FILE) says its tokens, ${needsPrompt.lane} does not`);
  }
  return { reference: 'llama', expect: {}, ...parts, at, models, candidates, prompts };
}

function oneOrMore(value: JsonValue): readonly JsonValue[] {
  return value.isList ? value.items('a list that is not empty') : [value];
}

function promptOf(value: JsonValue): SuitePrompt {
  if (value.isString) {
    const text = value.string('a text that is not empty');
    return { name: text, prompt: { kind: 'prompt', text } };
  }
  const field = value.fields(
    ['name', 'text', 'tokens', 'steps', 'stepTokens'],
    'a text, or an object with text or tokens',
  );
  const [text, tokens, name] = [field('text'), field('tokens'), field('name')];
  if (text && tokens) return value.refuse('it has "text" and "tokens": one of them expected');
  const [steps, stepTokens] = [field('steps'), field('stepTokens')];
  const prompt = text
    ? ({ kind: 'prompt', text: text.string('a text that is not empty') } as const)
    : tokens
      ? ({ kind: 'tokens', tokens: tokenList(tokens) } as const)
      : undefined;
  const plain = prompt?.kind === 'prompt' ? prompt.text : (prompt?.tokens.join(',') ?? "the dump's tokens");
  return {
    name: name?.string('a name') ?? plain,
    prompt,
    ...(steps ? { steps: steps.count('a number of decode steps') } : {}),
    ...(stepTokens ? { stepTokens: tokenList(stepTokens) } : {}),
  };
}

function tokenList(value: JsonValue): readonly number[] {
  return value.items('a list of token ids').map((t) => t.count('a token id'));
}

function candidateOf(value: JsonValue, folder: string): SuiteCandidate {
  if (value.isString) return { name: value.string('a lane'), lane: laneOf(value, folder), expect: {} };
  const field = value.fields(['lane', 'name', 'map', 'repro', 'strict', 'expect'], 'a lane, or an object with one');
  const lane = field('lane') ?? value.refuse('"lane" is missing');
  const [name, map, repro] = [field('name'), field('map'), field('repro')];
  const [strict, expect] = [field('strict'), field('expect')];
  return {
    name: (name ?? lane).string('a name'),
    lane: laneOf(lane, folder),
    ...(map ? { map: path.resolve(folder, map.string('a path')) } : {}),
    ...(repro ? { repro: path.resolve(folder, repro.string('a path')) } : {}),
    ...(strict ? { strict: strict.boolean() } : {}),
    expect: expect ? expectationOf(expect) : {},
  };
}

function laneOf(value: JsonValue, folder: string): string {
  const lane = laneFrom(value.string('a lane, as webgpu or trace:FILE'), folder);
  try {
    parseLane(lane);
  } catch (e) {
    if (e instanceof QuarrelError) return value.refuse(e.message);
    throw e;
  }
  return lane;
}

function expectationOf(value: JsonValue): SuiteExpectation {
  const field = value.fields(EXPECTATIONS, 'an object');
  const [verdict, node, step, cause] = [field('verdict'), field('node'), field('step'), field('cause')];
  const [token, minLogit] = [field('token'), field('minLogit')];
  const kind = verdict?.oneOf(['clean', 'diverged']);
  const place = node ?? cause ?? step;
  if (place && kind !== undefined && kind !== 'diverged') {
    return place.refuse(
      'a clean verdict has no bad node: "verdict" is "diverged" where node, step or cause is expected',
    );
  }
  return {
    ...(kind ? { verdict: kind } : place ? { verdict: 'diverged' } : {}),
    ...(node ? { node: oneOrMore(node).map((n) => n.string('the key of a node')) } : {}),
    ...(step ? { step: step.count('a decode step, 0 for the prompt') } : {}),
    ...(cause ? { cause: oneOrMore(cause).map((c) => c.string('the id of a cause, or "none"')) } : {}),
    ...(token ? { token: tokenText(token) } : {}),
    ...(minLogit ? { minLogit: minLogit.number('a number') } : {}),
  };
}

/** A token by text or id. */
function tokenText(value: JsonValue): string {
  return value.isString ? value.string('a text or id') : String(value.count("a token's text or id"));
}
