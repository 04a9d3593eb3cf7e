import { describe, expect, it } from 'vitest';
import { openModel } from '../../../src/main/files/model-file';
import { inspectBlock } from '../../../src/main/jobs/inspect-block';
import { decodeOnNode } from '../../../src/main/lanes/node-block';
import { parseVerifyLanes } from '../../../src/main/verify/lanes';
import type { BlockInspection } from '../../../src/shared/compare/block-lanes';
import { tinyModelPath } from '../../helpers/shared-files';
import { PLANTED_BUGS } from '../../planted-bugs/planted-bugs';

async function inspect(webgpu: string): Promise<BlockInspection> {
  const model = openModel(tinyModelPath());
  try {
    const at = { tensor: 'blk.0.attn_q.weight', index: 3 };
    return await inspectBlock(model, at, parseVerifyLanes(['scalar', 'wasm', webgpu, 'llama']), decodeOnNode);
  } finally {
    model.dispose();
  }
}

describe('inspectBlock on Dawn', () => {
  it('has equal bits on all four decoders, and equal fields inside the kernel', async () => {
    const { judge, lanes, probe } = await inspect('webgpu');
    expect(judge).toBe('llama');
    expect(lanes).toMatchObject(
      ['scalar', 'wasm', 'webgpu', 'llama'].map((lane) => ({ lane, classes: { equal: 256 }, different: [] })),
    );
    expect(probe).toMatchObject({ ok: true, value: { equal: true } });
  });

  it('shows what an overlay’s kernel gets wrong, and where', async () => {
    const bug = PLANTED_BUGS.find(({ name }) => name === 'q4k-scale-high-bits')!;
    const { lanes, probe } = await inspect(`webgpu@${bug.folder}`);
    const lane = lanes[2]!;
    if (lane.status !== 'measured') throw new Error(lane.reason);
    expect(lane.different.length).toBeGreaterThan(0);
    expect(Math.min(...lane.different)).toBeGreaterThanOrEqual(128); // sub-blocks 4 … 7
    const scale = probe?.ok === true ? probe.value.fields.find(({ field }) => field === 'scale') : undefined;
    expect(scale?.different.length).toBeGreaterThan(0);
  });

  it('says why a folder cannot serve as kernels', async () => {
    const { lanes, probe } = await inspect('webgpu@/nowhere');
    expect(lanes[2]).toEqual({
      lane: 'webgpu@/nowhere',
      status: 'not-measured',
      reason: 'webgpu@/nowhere: no such folder',
    });
    expect(probe).toMatchObject({ ok: false });
  });
});
