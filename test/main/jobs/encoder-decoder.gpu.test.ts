import fs from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { nodeEngines } from '../../../src/main/cli/engines';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import { traceLane } from '../../../src/main/jobs/trace-lane';
import type { TraceFile } from '../../../src/main/traces/trace-file';
import { Control } from '../../../src/shared/base/control';
import { nmseOf } from '../../../src/shared/compare/metrics';
import { parseLane } from '../../../src/shared/divergence/lane-spec';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import { crossKeys, expectedCrossKeys } from '../../helpers/cross-attention';
import { writeEncoderDecoder } from '../../helpers/encoder-decoder';
import { PLANTED_BUGS } from '../../planted-bugs/planted-bugs';
import { temporaryFolder } from '../capture/capture-fixture';

const PROMPT = { kind: 'tokens', tokens: [1, 7, 30] } as const;
const STEP_TOKENS = [0, 39];
const control = (): Control => new Control(() => undefined);
const WRONG = `webgpu@${PLANTED_BUGS.find((bug) => bug.name === 'wrong-epsilon')!.folder}`;

let folder: string;
let model: string;
const open: TraceFile[] = [];
beforeAll(() => {
  folder = temporaryFolder();
  model = path.join(folder, 't5.gguf');
  writeEncoderDecoder(model);
});
afterAll(() => {
  for (const file of open) file.dispose();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function trace(laneText: string): Promise<TraceFile> {
  const out = path.join(folder, `${open.length}.safetensors`);
  const lane = parseLane(laneText);
  if (lane.kind === 'trace' || lane.kind === 'cmd') throw new Error(`${laneText} runs no graph`);
  const steps = { count: STEP_TOKENS.length, tokens: STEP_TOKENS };
  const file = await traceLane({ modelPath: model, prompt: PROMPT, steps, lane, out }, nodeEngines, control());
  open.push(file);
  return file;
}

function bisect(candidate: string, reference = 'llama'): Promise<Verdict> {
  const request = { modelPath: model, prompt: PROMPT, reference, candidate, stepTokens: STEP_TOKENS };
  return findFirstBad({ ...request, steps: STEP_TOKENS.length }, nodeEngines, control());
}

describe('an encoder-decoder whose encoder goes wrong', () => {
  it.each([
    ['on webgpu', WRONG],
    ['on webgpu and the reference, from where it goes back to webgpu', `place:0:${WRONG},1-:reference`],
  ])("%s: its decoder runs on its own encoder's output", async (_name, lane) => {
    const llama = await trace('llama');
    const own = await trace(lane);
    expect(nmseOf(llama.readF32('result_norm'), own.readF32('result_norm'))).toBeGreaterThan(1e-5);
    for (const step of [1, 2]) {
      expect(nmseOf(expectedCrossKeys(model, own), crossKeys(own, step))).toBeLessThan(1e-12);
    }
  });

  it("leaves its output to the reference, where that has the decoder's first layer", async () => {
    const own = await trace('place:0:reference,1-:webgpu');
    expect(crossKeys(own, 1)).toEqual(expectedCrossKeys(model, own));
    expect(crossKeys(own, 1)).not.toEqual(expectedCrossKeys(model, await trace('llama')));
  });

  it('blames the norms alone, in the encoder first, in own lanes and in a dump', async () => {
    const dump = await trace(WRONG);
    for (const candidate of [WRONG, `trace:${dump.label}`]) {
      for (const reference of ['llama', 'reference']) {
        const verdict = await bisect(candidate, reference);
        expect(verdict.firstBad).toMatchObject({ step: 0, op: 'RMS_NORM' });
        expect([...new Set(verdict.allBad.map((bad) => bad.op))]).toEqual(['RMS_NORM']);
        expect(verdict.steps.map((step) => step.verdict)).toEqual(['diverged', 'diverged', 'diverged']);
      }
    }
  });

  it('is clean where the kernels are right', async () => {
    for (const reference of ['llama', 'reference']) {
      expect(await bisect('webgpu', reference)).toMatchObject({ verdict: 'clean', notMeasured: [] });
    }
  });
});
