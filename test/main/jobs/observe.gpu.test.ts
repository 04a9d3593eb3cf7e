import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { nodeEngines } from '../../../src/main/cli/engines';
import { projectRoot } from '../../../src/main/entry-path';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import { Control } from '../../../src/shared/base/control';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import { tinyModelPath } from '../../helpers/shared-files';

function observe(candidate: string): Promise<Verdict> {
  const request = {
    modelPath: tinyModelPath(),
    prompt: { kind: 'tokens', tokens: [1, 7, 300] } as const,
    reference: 'llama',
    candidate,
    observe: ['run-to-run', 'batch', 'cached-decode'] as const,
  };
  return findFirstBad(request, nodeEngines, new Control(() => undefined));
}

describe('further runs on WebGPU', { timeout: 180_000 }, () => {
  it('are the same with right kernels', async () => {
    const verdict = await observe('webgpu');
    expect(verdict.observations.map((o) => o.state)).toEqual(['same', 'same', 'same']);
    expect(verdict.verdict).toBe('clean');
  });

  it('show a cache write that is wrong for single tokens, which the prompt alone does not', async () => {
    const bug = path.join(projectRoot(), 'resources/gallery/cache-row-of-one-token');
    const verdict = await observe(`webgpu@${bug}`);
    expect(verdict).toMatchObject({ verdict: 'diverged', firstBad: null, cause: null });
    expect(verdict.observations).toMatchObject([
      { id: 'run-to-run', state: 'same' },
      { id: 'batch', state: 'different', node: 'kq-0' },
      { id: 'cached-decode', state: 'different', node: 'kq-0' },
    ]);
  });
});
