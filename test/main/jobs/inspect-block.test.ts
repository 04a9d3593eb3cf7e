import { afterAll, describe, expect, it } from 'vitest';
import type { DecodeOnDevice } from '../../../src/main/jobs/inspect-block';
import { createJobRunner } from '../../../src/main/jobs/job-runner';
import { Control } from '../../../src/shared/base/control';
import { QuarrelError } from '../../../src/shared/base/errors';
import { err } from '../../../src/shared/base/result';
import type { BlockInspection } from '../../../src/shared/compare/block-lanes';
import { supportedFormat } from '../../../src/shared/quant/registry';
import { ggmlBasePath } from '../../helpers/ggml-base';
import { tinyModelPath } from '../../helpers/shared-files';

const modelPath = tinyModelPath();
const runners: { dispose(): Promise<void> }[] = [];
afterAll(async () => {
  for (const runner of runners) await runner.dispose();
});

function inspect(decodeOnDevice: DecodeOnDevice, request: object = {}): Promise<BlockInspection> {
  const webgpuLane = (): Promise<never> => Promise.reject(new QuarrelError('not here'));
  const runner = createJobRunner({ webgpuLane, decodeOnDevice });
  runners.push(runner);
  const at = { modelPath, tensor: 'blk.0.attn_q.weight', index: 3, ...request };
  return runner.run('inspectBlock', at, new Control(() => undefined));
}

/** A device whose decoder gets element 200 wrong. */
const wrongDevice: DecodeOnDevice = async (type, blocks) => {
  const values = new Float32Array(supportedFormat(type).blockElements);
  supportedFormat(type).dequantize(blocks, 0, 1, values, 0);
  values[200]! += 1;
  return { engine: 'adapter', values, probe: err('it has no notes') };
};
const noDevice: DecodeOnDevice = () => Promise.reject(new QuarrelError('no adapter on this machine'));

describe.skipIf(ggmlBasePath() === undefined)('inspectBlock, judged by libggml-base', () => {
  it('decodes a block on each lane and names the elements that differ', async () => {
    const block = await inspect(wrongDevice);
    expect(block).toMatchObject({ tensor: 'blk.0.attn_q.weight', index: 3, row: 3, type: 'Q4_K', judge: 'llama' });
    expect(block.lanes).toMatchObject([
      { lane: 'scalar', classes: { equal: 256 }, different: [] },
      { lane: 'webgpu', engine: 'adapter', classes: { equal: 255, different: 1 }, different: [200] },
      { lane: 'llama', classes: { equal: 256 }, different: [] },
    ]);
    expect(block.probe).toEqual(err('it has no notes'));
    // What the worker sends must survive the way to the window.
    expect(structuredClone(block)).toEqual(block);
  });

  it('names the overlay’s lane and gives the folder to the device', async () => {
    const overlays: (string | undefined)[] = [];
    const block = await inspect(
      (type, blocks, overlay) => {
        overlays.push(overlay);
        return wrongDevice(type, blocks, overlay);
      },
      { overlay: '/kernels' },
    );
    expect(block.lanes[1]?.lane).toBe('webgpu@/kernels');
    expect(overlays).toEqual(['/kernels']);
  });

  it('never calls a lane that did not run equal or different', async () => {
    const block = await inspect(noDevice);
    expect(block.lanes[1]).toEqual({ lane: 'webgpu', status: 'not-measured', reason: 'no adapter on this machine' });
    expect(block.probe).toEqual(err('no adapter on this machine'));
    expect(block.lanes[0]).toMatchObject({ status: 'measured', different: [] });
  });
});

describe('inspectBlock', () => {
  it('refuses blocks and tensors that are not there', async () => {
    await expect(inspect(noDevice, { index: 1e9 })).rejects.toThrow(/block 1000000000 of tensor/);
    await expect(inspect(noDevice, { tensor: 'absent' })).rejects.toThrow('no tensor absent');
  });

  it('passes a bug of the device on as one', async () => {
    await expect(inspect(() => Promise.reject(new TypeError('a bug')))).rejects.toThrow(TypeError);
  });
});
