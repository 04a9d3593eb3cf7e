import fs from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { nodeEngines } from '../../../src/main/cli/engines';
import { specimenPath } from '../../../src/main/entry-path';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import { runLanes } from '../../../src/main/jobs/run-lanes';
import { defined } from '../../../src/shared/base/assert';
import { Control } from '../../../src/shared/base/control';
import type { RunSummary } from '../../../src/shared/compare/comparison';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import type { PromptSpec } from '../../../src/shared/ipc/jobs';
import { runCli } from '../../helpers/run-cli';
import { tinyModelPath } from '../../helpers/shared-files';
import { SMOLLM2 } from '../../helpers/shared-models';
import { PLANTED_BUGS } from '../../planted-bugs/planted-bugs';

const FRANCE: PromptSpec = { kind: 'prompt', text: 'The capital of France is' };
const control = (): Control => new Control(() => undefined);

function bisect(modelPath: string, prompt: PromptSpec, candidate: string, steps = 0): Promise<Verdict> {
  return findFirstBad({ modelPath, prompt, reference: 'llama', candidate, steps }, nodeEngines, control());
}

async function summaryOf(modelPath: string, prompt: PromptSpec): Promise<RunSummary> {
  const lanes = ['llama', 'reference', 'webgpu'];
  const run = await runLanes('1', { modelPath, prompt, lanes }, nodeEngines, control());
  await run.dispose();
  return defined(run.summaries[0], 'the prompt');
}

const isFull = process.env['QUARREL_FULL'] === '1';
/** SmolLM2 takes 10 to 30 s for each: a bug of one layer is enough for every day. */
const ON_SMOLLM2 = ['mul-mat-one-layer-rows'];

describe('planted bugs through the command line', () => {
  it.each(PLANTED_BUGS.map((bug) => [bug.name, bug] as const))('%s is named on the specimen', async (_name, bug) => {
    const args = ['bisect', specimenPath(), '--prompt', FRANCE.text, '--candidate', `webgpu@${bug.folder}`, '--json'];
    const { code, stdout } = await runCli(bug.step === undefined ? args : [...args, '--steps', String(bug.step)]);
    expect(code).toBe(1);
    const verdict = JSON.parse(stdout) as Verdict;
    expect(verdict.firstBad?.node).toBe(bug.first[path.basename(specimenPath())]);
    expect(verdict.firstBad?.step).toBe(bug.step ?? 0);
    expect(verdict.cause?.id).toBe(bug.cause);
    expect(verdict).toMatchObject({ schema: 'quarrel.verdict/1', verdict: 'diverged', notMeasured: [] });
  });

  it.each([
    ['tiny model', tinyModelPath()],
    ['specimen', specimenPath()],
  ])('webgpu itself is clean on the %s', async (_name, model) => {
    const { code, stdout } = await runCli([
      'bisect',
      model,
      '--prompt',
      FRANCE.text,
      '--candidate',
      'webgpu',
      '--json',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'clean', firstBad: null, notMeasured: [] });
  });
});

describe.skipIf(!fs.existsSync(SMOLLM2))('SmolLM2 of ../shared/models', () => {
  it('says " Paris" on all three lanes', async () => {
    const { lanes } = await summaryOf(SMOLLM2, FRANCE);
    expect(lanes.map((lane) => lane.top[0]?.text)).toEqual([' Paris', ' Paris', ' Paris']);
    expect(lanes[0]?.top[0]?.logit).toBeCloseTo(17.344, 2);
  });

  it('is clean on webgpu, node by node', async () => {
    const verdict = await bisect(SMOLLM2, FRANCE, 'webgpu');
    expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null, notMeasured: [] });
    expect(verdict.compared).toBe(606);
  });

  const bugs = PLANTED_BUGS.filter((bug) => path.basename(SMOLLM2) in bug.first);
  const tried = isFull ? bugs : bugs.filter((bug) => ON_SMOLLM2.includes(bug.name));
  it.each(tried.map((bug) => [bug.name, bug] as const))('%s is named', async (_name, bug) => {
    const verdict = await bisect(SMOLLM2, FRANCE, `webgpu@${bug.folder}`, bug.step);
    expect(verdict.firstBad?.node).toBe(bug.first[path.basename(SMOLLM2)]);
    expect(verdict.firstBad?.step).toBe(bug.step ?? 0);
  });
});
