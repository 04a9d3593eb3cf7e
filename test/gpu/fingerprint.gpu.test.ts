import { beforeAll, describe, expect, it } from 'vitest';
import { openShaders } from '../../src/main/lanes/shader-files';
import { nodeFingerprint, openNodeSession, openNodeWebGpuLane } from '../../src/main/lanes/webgpu-node';
import { BlockDecoder } from '../../src/shared/gpu/decode-blocks';
import type { AdapterFingerprint } from '../../src/shared/gpu/fingerprint';
import { numericsLine } from '../../src/shared/gpu/measure-numerics';

let print: AdapterFingerprint;
beforeAll(async () => {
  print = await nodeFingerprint();
});

describe('the fingerprint', () => {
  it('names the adapter, its features and limits', () => {
    expect(print.schema).toBe('quarrel.adapter/1');
    expect(print.vendor + print.architecture + print.device + print.description).not.toBe('');
    expect(print.features).toEqual([...print.features].sort());
    expect(print.limits['maxStorageBufferBindingSize']).toBeGreaterThanOrEqual(1 << 27);
  });

  // What the decoders and the lane rely on: bits survive a copy, products overflow to infinity, sums keep their order.
  it('finds what every device must do', () => {
    const { numerics } = print;
    expect(numerics).toMatchObject({
      infinityCopied: 'kept',
      quietNanCopied: 'kept',
      infinityMultiplied: 'kept',
      overflowIsInfinity: true,
      sumsReordered: false,
    });
    expect(numerics.nanMultiplied).not.toBe('lost');
    expect(['kept', 'flushed']).toContain(numerics.f32SubnormalResult);
    expect(['nearest-even', 'toward-zero']).toContain(numerics.f32ToF16);
  });

  it('agrees with what the decode kernel does to a subnormal result', async () => {
    const session = await openNodeSession();
    const block = new Uint8Array(292); // Q8_K: d = 2^-149, all codes 1
    block[0] = 1;
    block.fill(1, 4, 260);
    const [value] = await new BlockDecoder(session, openShaders()).decode('Q8_K', block);
    session.dispose();
    expect(value).toBe(print.numerics.f32SubnormalResult === 'kept' ? 2 ** -149 : 0);
  });

  it('measures subgroups and timestamps where there are any', () => {
    const { subgroups, features, timestampStep } = print;
    expect(subgroups !== null).toBe(features.includes('subgroups'));
    if (subgroups) {
      expect(subgroups.used).toBeGreaterThanOrEqual(subgroups.least ?? 4);
      expect(subgroups.used).toBeLessThanOrEqual(subgroups.most ?? 128);
    }
    if (features.includes('timestamp-query')) expect(timestampStep).toBeGreaterThanOrEqual(1);
    else expect(timestampStep).toBeNull();
  });

  it('knows SwiftShader', ({ skip }) => {
    skip(print.architecture !== 'swiftshader', 'another adapter');
    expect(print.numerics).toMatchObject({
      f32SubnormalOperand: 'flushed',
      f32SubnormalResult: 'flushed',
      f16SubnormalUnpacked: 'kept',
      f32ToF16: 'nearest-even',
      productsContracted: false,
    });
  });

  it('is part of what a lane says of itself', async () => {
    const lane = await openNodeWebGpuLane();
    expect(lane.provenance).toMatchObject({ arithmetic: numericsLine(print.numerics) });
    await lane.dispose();
  });
});
