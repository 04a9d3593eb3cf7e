import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../../src/main/entry-path';
import { parseVerifyLanes } from '../../../src/main/verify/lanes';
import { verifyModel } from '../../../src/main/verify/verify-model';
import { openWebGpuDecoder } from '../../../src/main/verify/webgpu-decoder';
import { Control } from '../../../src/shared/base/control';
import type { VerifyReport } from '../../../src/shared/compare/decode-report';
import { tinyModelPath } from '../../helpers/shared-files';

function verify(lanes: readonly string[], tensors: string): Promise<VerifyReport> {
  const request = { modelPath: tinyModelPath(), lanes: parseVerifyLanes(lanes), tensors };
  return verifyModel(request, openWebGpuDecoder, new Control(() => undefined));
}

describe('the WGSL decoders, held against the judge', () => {
  it('equal it on a layer of the tiny model', async () => {
    const report = await verify(['webgpu'], 'blk.1.*');
    expect(report.lanes[0]).toMatchObject({ lane: 'webgpu', verdict: 'equal', mismatches: 0 });
    expect(report.lanes[0]?.values).toBe(report.totals.values);
    expect(report.notMeasured.filter((n) => n.lane === 'webgpu')).toEqual([]);
  });

  it('lose the high bits of scales 4–7 with a planted bug: sub-blocks and elements are named', async () => {
    const overlay = path.join(projectRoot(), 'resources/gallery/q4k-scale-high-bits');
    const lane = `webgpu@${overlay}`;
    const report = await verify([lane, 'webgpu', 'scalar'], 'blk.0.attn_*.weight');
    const q4k = report.tensors.filter((t) => t.type === 'Q4_K');
    expect(q4k.length).toBeGreaterThan(0);
    for (const tensor of q4k) {
      const [bad, right, scalar] = tensor.lanes;
      expect(bad).toMatchObject({
        lane,
        verdict: 'different',
        shape: { blockElements: 256, subBlockElements: 32, elements: [[128, 255]], subBlocks: [4, 5, 6, 7] },
      });
      expect(bad!.first[0]?.subBlocks.every((s) => s >= 4)).toBe(true);
      expect(bad!.shape!.blocksByElement.slice(0, 128).every((n) => n === 0)).toBe(true);
      expect(right).toMatchObject({ verdict: 'equal', mismatches: 0 });
      expect(scalar?.mismatches).toBe(0);
    }
    const others = report.tensors.filter((t) => t.type !== 'Q4_K');
    expect(others.every((t) => t.lanes[0]?.mismatches === 0)).toBe(true);
  });
});
