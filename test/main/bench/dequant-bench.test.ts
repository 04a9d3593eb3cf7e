import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alternate, median, speedRatio } from '../../../src/main/bench/alternate';
import { benchDequant } from '../../../src/main/bench/dequant-bench';
import { sampleBlocks } from '../../../src/main/bench/sample-blocks';
import { Control } from '../../../src/shared/base/control';
import { QUANT_FORMATS } from '../../../src/shared/quant/registry';
import { loadGgmlBase } from '../../helpers/ggml-base';
import { runCli } from '../../helpers/run-cli';

const tiny = { types: ['Q4_K'], threads: 2, rounds: 1, streamBytes: 2 ** 20 } as const;

/** Temporary files of the benchmark go where no other run puts any. */
const folder = mkdtempSync(join(tmpdir(), 'quarrel-bench-test-'));
const usual = process.env['TMPDIR'];
beforeAll(() => {
  process.env['TMPDIR'] = folder;
});
afterAll(() => {
  if (usual === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = usual;
  rmSync(folder, { recursive: true, force: true });
});

describe('alternation', () => {
  it('warms up once, and begins each round with another contender', async () => {
    const order: string[] = [];
    const contender = (name: 'a' | 'b') => ({ name, passes: 1, run: () => void order.push(name) });
    const times = await alternate([contender('a'), contender('b')], 3, () => undefined);
    expect(order.join('')).toBe('abbaabba');
    expect([times.a.length, times.b.length]).toEqual([3, 3]);
  });

  it('gives the time of one pass', async () => {
    const spin = (seconds: number): void => {
      const end = performance.now() + seconds * 1000;
      while (performance.now() < end);
    };
    const { a } = await alternate([{ name: 'a', passes: 10, run: () => spin(0.02) }], 1, () => undefined);
    expect(a[0]).toBeGreaterThanOrEqual(0.002);
  });

  it('compares round by round', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(speedRatio([1, 2, 10], [2, 4, 10])).toBe(2);
  });
});

describe('sample blocks', () => {
  it.each(Object.values(QUANT_FORMATS).filter(({ family }) => family !== 'float' && family !== 'integer'))(
    'of $type decode to ordinary numbers',
    (format) => {
      if (format.status !== 'supported') throw new Error(`${format.type} has no decoder`);
      const values = new Float32Array(64 * format.blockElements);
      format.dequantize(sampleBlocks(format.type, 64), 0, 64, values, 0);
      const sizes = values.map(Math.abs).filter((x) => x !== 0);
      expect(sizes.length).toBeGreaterThan(values.length / 4);
      expect(sizes.every((x) => x > 1e-5 && x < 1e5)).toBe(true);
    },
  );
});

describe.skipIf(!loadGgmlBase())('bench dequant (needs libggml-base)', () => {
  it('measures each lane in cache and streaming, and leaves nothing behind', async () => {
    const [row] = await benchDequant(tiny, new Control(() => undefined));
    expect(row?.type).toBe('Q4_K');
    expect(row?.others).toBeGreaterThanOrEqual(0);
    expect(row?.others).toBeLessThanOrEqual(1);
    for (const rates of [row?.cache, row?.stream]) {
      expect(Object.keys(rates ?? {}).sort()).toEqual(
        ['c', 'scalar', 'scalarToC', 'threads', 'threadsToOne', 'wasm', 'wasmToC'].sort(),
      );
      expect(Object.values(rates ?? {}).every((x) => typeof x === 'number' && x > 0 && x < 1e4)).toBe(true);
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  it('refuses a type that the library cannot decode', async () => {
    const refused = benchDequant({ ...tiny, types: ['Q8_1'] }, new Control(() => undefined));
    await expect(refused).rejects.toThrow('has no dequantize_row_q8_1: nothing to measure Q8_1 against');
  });

  it('stops when cancelled', async () => {
    const control: Control = new Control(() => control.cancel());
    await expect(benchDequant(tiny, control)).rejects.toMatchObject({ name: 'CancelledError' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is a command', async () => {
    const args = ['--formats', 'Q8_0', '--rounds', '1', '--stream-mib', '1', '--threads', '1'];
    const { code, stdout, stderr } = await runCli(['bench', 'dequant', ...args, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'bench dequant …\n' });
    const document = JSON.parse(stdout) as Record<string, unknown>;
    expect(document).toMatchObject({ schema: 'quarrel.bench.dequant/1', threads: 1, rounds: 1, streamMib: 1 });
    expect(document['rows']).toMatchObject([{ type: 'Q8_0' }]);
    const refused = await runCli(['bench', 'dequant', '--formats', 'Q9_9']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('"Q9_9" is none of F16, Q4_0');
  });
});
