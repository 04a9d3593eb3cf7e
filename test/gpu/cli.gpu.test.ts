import { describe, expect, it } from 'vitest';
import type { DequantGpuRow } from '../../src/main/bench/dequant-gpu';
import type { AdapterFingerprint } from '../../src/shared/gpu/fingerprint';
import type { ProbeReport } from '../../src/shared/gpu/probe-block';
import { runCli } from '../helpers/run-cli';
import { tinyModelPath } from '../helpers/shared-files';

const overlay = 'resources/gallery/q4k-scale-high-bits';
const block = ['block', tinyModelPath(), 'token_embd.weight', '--index', '3', '--probe'];

describe('quarrel block --probe', () => {
  it('finds the kernel right', async () => {
    const { code, stdout } = await runCli([...block, '--json']);
    expect(code).toBe(0);
    const { schema, probe } = JSON.parse(stdout) as { schema: string; probe: ProbeReport };
    expect(schema).toBe('quarrel.block/1');
    expect(probe).toMatchObject({ schema: 'quarrel.probe/1', type: 'Q4_K', elements: 256, equal: true });
  });

  it("shows an overlay's wrong scales with their bits marked, and says so by its exit code", async () => {
    const { code, stdout } = await runCli([...block, '--overlay', overlay]);
    expect(code).toBe(1);
    expect(stdout).toContain(`kernel probe (webgpu@${overlay}): fields differ`);
    const lines = stdout.split('\n');
    const gpu = lines.findIndex((line) => /^scale\[4\] +GPU/.test(line));
    expect(lines[gpu - 1]).toMatch(/^scale\[4\] +CPU +\d+ +0 [01]{8} [01]{23}$/);
    const [cpuLine = '', gpuLine = '', marks = ''] = lines.slice(gpu - 1, gpu + 2);
    const bits = cpuLine.length - 34; // where the bit patterns begin
    for (let i = bits; i < cpuLine.length; i++) expect(marks[i] === '^').toBe(cpuLine[i] !== gpuLine[i]);
    expect(stdout).not.toMatch(/^scale\[3\] +GPU/m);
  });

  it('refuses a folder that is no overlay', async () => {
    const { code, stderr } = await runCli([...block, '--overlay', 'no-such-folder']);
    expect(code).toBe(2);
    expect(stderr).toContain('webgpu@no-such-folder: no such folder');
  });
});

describe('quarrel adapter', () => {
  it('prints the fingerprint as JSON and as text', async () => {
    const json = await runCli(['adapter', '--json']);
    expect(json.code).toBe(0);
    const print = JSON.parse(json.stdout) as AdapterFingerprint;
    expect(print).toMatchObject({ schema: 'quarrel.adapter/1', numerics: { infinityCopied: 'kept' } });
    const text = await runCli(['adapter']);
    expect(text.stdout).toContain(`f32 subnormal as a result              ${print.numerics.f32SubnormalResult}`);
  });
});

describe('quarrel bench dequant-gpu', () => {
  it('measures both kernels and checks what they computed', async () => {
    const args = ['bench', 'dequant-gpu', '--formats', 'Q6_K,IQ4_XS', '--mib', '1', '--rounds', '2', '--json'];
    const { code, stdout } = await runCli(args);
    expect(code).toBe(0);
    const { schema, rows } = JSON.parse(stdout) as { schema: string; rows: DequantGpuRow[] };
    expect(schema).toBe('quarrel.bench.dequant-gpu/1');
    expect(rows.map(({ type }) => type)).toEqual(['Q6_K', 'IQ4_XS']);
    for (const { decode, copy, share, checked, different } of rows) {
      expect(Math.min(decode, copy, share)).toBeGreaterThan(0);
      expect({ checked, different }).toEqual({ checked: 1 << 18, different: 0 });
    }
  });
});
