import { describe, expect, it } from 'vitest';

import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import { OBSERVER_IDS } from '../../../src/main/jobs/observe/observe';
import type { Engines } from '../../../src/main/jobs/produce-trace';
import { Control } from '../../../src/shared/base/control';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import { tinyModelPath } from '../../helpers/shared-files';

const noGpu: Engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };

function observe(candidate: string, tokens: readonly number[], observed = OBSERVER_IDS): Promise<Verdict> {
  const request = {
    modelPath: tinyModelPath(),
    prompt: { kind: 'tokens', tokens } as const,
    reference: 'llama',
    candidate,
    observe: observed,
  };
  return findFirstBad(request, noGpu, new Control(() => undefined));
}

const states = (v: Verdict): Record<string, string> => Object.fromEntries(v.observations.map((o) => [o.id, o.state]));

describe('further runs of the candidate', () => {
  it('are the same on llama.cpp, its fused attention included', async () => {
    const verdict = await observe('llama', [1, 7, 300]);
    expect(verdict.verdict).toBe('clean');
    expect(states(verdict)).toEqual({ 'run-to-run': 'same', fusion: 'same', batch: 'same', 'cached-decode': 'same' });
    expect(verdict.observations[0]?.text).toMatch(/^3 runs give the same bits at all \d+ checkpoints/);
  });

  it('are the same on the reference, which fuses nothing', async () => {
    const verdict = await observe('reference', [1, 7, 300], ['fusion', 'batch', 'cached-decode']);
    expect(states(verdict)).toEqual({ fusion: 'not-measured', batch: 'same', 'cached-decode': 'same' });
  });

  it('are none where nobody asks for them, and need a second token', async () => {
    expect((await observe('reference', [1], [])).observations).toEqual([]);
    const single = await observe('reference', [1], ['batch']);
    expect(single.observations).toMatchObject([{ state: 'not-measured', text: 'the prompt is a single token' }]);
  });
});
