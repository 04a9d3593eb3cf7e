import { describe, expect, it } from 'vitest';

import { openShaders } from '../../../src/main/lanes/shader-files';
import { openNodeSession } from '../../../src/main/lanes/webgpu-node';
import { openModel } from '../../../src/main/files/model-file';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import type { Engines, LaneLimits } from '../../../src/main/jobs/produce-trace';
import { Control } from '../../../src/shared/base/control';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import type { GpuSession } from '../../../src/shared/gpu/gpu-session';
import { WeightBudget } from '../../../src/shared/gpu/weight-budget';
import { WebGpuLane } from '../../../src/shared/gpu/webgpu-lane';
import { tinyModelPath } from '../../helpers/shared-files';
import { PLANTED_BUGS } from '../../planted-bugs/planted-bugs';

const PROMPT = { kind: 'tokens', tokens: [1, 7, 300, 21, 5] } as const;
const OVERLAY = PLANTED_BUGS.find((bug) => bug.name === 'wrong-epsilon')!.folder;

/** Bytes of buffers that are named after weights, over all devices. */
class WeightMeter {
  peak = 0;
  private held = 0;

  constructor(private readonly weights: ReadonlySet<string>) {}

  watch(session: GpuSession): GpuSession {
    const { device } = session;
    const create = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      const buffer = create(descriptor);
      if (!this.weights.has(descriptor.label ?? '')) return buffer;
      this.held += descriptor.size;
      this.peak = Math.max(this.peak, this.held);
      const destroy = buffer.destroy.bind(buffer);
      buffer.destroy = () => {
        this.held -= descriptor.size;
        destroy();
      };
      return buffer;
    };
    return session;
  }
}

interface Measured {
  readonly peak: number;
  readonly verdict: Verdict;
}

/** Two webgpu lanes in one run. */
async function measured(weights: ReadonlySet<string>, limitsOf: () => LaneLimits): Promise<Measured> {
  const meter = new WeightMeter(weights);
  const engines: Engines = {
    webgpuLane: async (overlay, limits) =>
      new WebGpuLane({
        ...limits,
        open: async () => meter.watch(await openNodeSession()),
        shaders: openShaders(overlay),
        label: 'webgpu',
        provenance: {},
      }),
  };
  // what every lane is given: the same object, or one of its own
  const perLane: Engines = { webgpuLane: (overlay) => engines.webgpuLane(overlay, limitsOf()) };
  const request = { modelPath: tinyModelPath(), prompt: PROMPT, reference: 'webgpu', candidate: `webgpu@${OVERLAY}` };
  const verdict = await findFirstBad({ ...request, steps: 1 }, perLane, new Control(() => undefined));
  return { peak: meter.peak, verdict };
}

describe('--memory-budget', () => {
  it('holds for the lanes of a run together', async () => {
    const model = openModel(tinyModelPath());
    const sizes = model.gguf.tensors.map(({ name }) => [name, model.tensor(name)!.byteLength] as const);
    model.dispose();
    const names = new Set(sizes.map(([name]) => name));
    const all = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
    const largest = Math.max(...sizes.map(([, bytes]) => bytes));
    const budget = 2 * largest;
    expect(budget).toBeLessThan(all / 2);

    const shared = { weightBudget: new WeightBudget(budget) };
    const together = await measured(names, () => shared);
    const apart = await measured(names, () => ({ weightBudget: new WeightBudget(budget) }));
    // a weight is uploaded before others go, and those of one node stay while it runs
    expect(together.peak).toBeLessThan(budget + 1.5 * largest);
    expect(apart.peak).toBeGreaterThan(together.peak + largest / 2);
    expect(together.verdict).toEqual(apart.verdict);
    expect(together.verdict.firstBad?.op).toBe('RMS_NORM');
  });
});
