import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../src/main/entry-path';
import { openShaders } from '../../src/main/lanes/shader-files';
import { openNodeSession } from '../../src/main/lanes/webgpu-node';
import { defined } from '../../src/shared/base/assert';
import type { GpuSession } from '../../src/shared/gpu/gpu-session';
import type { ProbedField, ProbeReport } from '../../src/shared/gpu/probe-block';
import { probeBlock } from '../../src/shared/gpu/probe-block';
import type { GgmlTypeName } from '../../src/shared/quant/ggml-type';
import { GgmlType } from '../../src/shared/quant/ggml-type';
import { ordinaryBlocks } from '../helpers/scales';

let session: GpuSession;
beforeAll(async () => {
  session = await openNodeSession();
});
afterAll(() => session.dispose());

const TYPES = Object.keys(GgmlType) as GgmlTypeName[];
/** One block of a common sort; F32 and the integers are random bits. */
const blockOf = (type: GgmlTypeName, seed = 23): Uint8Array => ordinaryBlocks(type, 1, seed);
const overlay = (bug: string): string => path.join(projectRoot(), 'resources', 'gallery', bug);

function fieldOf(report: ProbeReport, name: ProbedField['field']): ProbedField {
  return defined(
    report.fields.find(({ field }) => field === name),
    `field ${name}`,
  );
}

describe('the kernel probe', () => {
  it.each(TYPES)('%s: the shader has every field that the CPU has, with equal bits', async (type) => {
    const report = await probeBlock(session, openShaders(), type, blockOf(type));
    expect(report.equal).toBe(true);
    expect(report.fields.at(-1)?.field).toBe('value');
    for (const { field, cpu, gpu, classes } of report.fields) {
      expect([field, gpu.length], 'both sides know the field').toEqual([field, cpu.length]);
      expect(cpu.length).toBeGreaterThan(0);
      expect([field, classes]).toEqual([field, { equal: cpu.length, flushed: 0, nan: 0, different: 0 }]);
    }
  });

  it('Q4_K has eight scales and mins, their products and 256 codes', async () => {
    const { fields } = await probeBlock(session, openShaders(), 'Q4_K', blockOf('Q4_K'));
    expect(fields.map(({ field, gpu }) => [field, gpu.length])).toEqual([
      ['d', 1],
      ['dmin', 1],
      ['scale', 8],
      ['min', 8],
      ['code', 256],
      ['d_scale', 8],
      ['dmin_min', 8],
      ['value', 256],
    ]);
  });

  it('shows scales 4 to 7 and what depends on them where an overlay drops their high bits', async () => {
    const block = blockOf('Q4_K');
    block.fill(0xff, 4, 8); // high bits of all four are set
    const shaders = openShaders(overlay('q4k-scale-high-bits'));
    const report = await probeBlock(session, shaders, 'Q4_K', block);
    expect(report.equal).toBe(false);
    expect(fieldOf(report, 'scale').different).toEqual([4, 5, 6, 7]);
    expect(fieldOf(report, 'scale').gpu.slice(4)).toEqual(
      fieldOf(report, 'scale')
        .cpu.slice(4)
        .map((s) => s - 48),
    );
    expect(fieldOf(report, 'd_scale').different).toEqual([4, 5, 6, 7]);
    for (const same of ['d', 'dmin', 'min', 'code', 'dmin_min'] as const) {
      expect(fieldOf(report, same).different).toEqual([]);
    }
    expect(Math.min(...fieldOf(report, 'value').different)).toBeGreaterThanOrEqual(128);
  });

  it('shows wrong codes where an overlay swaps nibbles', async () => {
    const report = await probeBlock(session, openShaders(overlay('nibbles-swapped')), 'Q4_1', blockOf('Q4_1'));
    const { cpu, gpu } = fieldOf(report, 'code');
    expect(gpu).toEqual([...cpu.slice(16), ...cpu.slice(0, 16)]);
    expect(fieldOf(report, 'd').different).toEqual([]);
  });

  it('shows the values of a kernel that notes nothing', async () => {
    const silent = {
      read: (file: string) =>
        openShaders()
          .read(file)
          .replace(/^.*\bnote\w*\(NOTE_(?!VALUE).*$/gm, ''),
    };
    const report = await probeBlock(session, silent, 'IQ4_NL', blockOf('IQ4_NL'));
    expect(report.fields.filter(({ gpu }) => gpu.length > 0).map(({ field }) => field)).toEqual(['value']);
    expect(report.equal).toBe(true);
  });
});
