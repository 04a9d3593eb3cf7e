import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { nodeEngines } from '../../src/main/cli/engines';
import type { SpecimenType } from '../../src/main/entry-path';
import { resourcesDir, specimenPath } from '../../src/main/entry-path';
import { choicesOf } from '../../src/main/jobs/lane-says';
import { traceLane } from '../../src/main/jobs/trace-lane';
import type { SuiteCase } from '../../src/main/suite/suite-cases';
import { casesOf } from '../../src/main/suite/suite-cases';
import { readSuite } from '../../src/main/suite/suite-file';
import { assert, defined } from '../../src/shared/base/assert';
import { Control } from '../../src/shared/base/control';
import type { TokenLogit } from '../../src/shared/compare/comparison';
import { parseLane } from '../../src/shared/divergence/lane-spec';

export const TYPES: readonly SpecimenType[] = ['F16', 'Q4_K_M'];

/** What the issue asks of " Paris". */
export const LEAST_LOGIT = 7;

export const silent = (): Control => new Control(() => undefined);

/** A prompt and the text that has to follow: a token, or a whole capital. */
export type Fact = readonly [prompt: string, answer: string];

export function factCases(): readonly SuiteCase[] {
  return casesOf(readSuite(path.join(resourcesDir(), 'specimen', 'facts.suite.json')));
}

/** The suite's prompts with their tokens. */
export function facts(): readonly Fact[] {
  const all = factCases().map(({ prompt: { prompt }, expect: { token } }) => {
    assert(prompt?.kind === 'prompt', 'a fact is asked in words');
    return [prompt.text, defined(token, 'the token of a fact')] as const;
  });
  return [...new Map(all)];
}

export function capitals(): readonly Fact[] {
  const file = path.join(resourcesDir(), 'specimen', 'capitals.json');
  return (JSON.parse(fs.readFileSync(file, 'utf8')) as { capitals: Fact[] }).capitals;
}

/** The first choice of a lane after a prompt. */
export async function says(lane: string, type: SpecimenType, prompt: string): Promise<TokenLogit | undefined> {
  const spec = parseLane(lane);
  assert(spec.kind !== 'trace' && spec.kind !== 'cmd', 'a lane that runs');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'facts-test-'));
  const modelPath = specimenPath(type);
  const out = path.join(folder, 'trace.safetensors');
  try {
    const trace = await traceLane(
      { modelPath, prompt: { kind: 'prompt', text: prompt }, lane: spec, out },
      nodeEngines,
      silent(),
    );
    try {
      return (await choicesOf(modelPath, trace))[0];
    } finally {
      trace.dispose();
    }
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}
