import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { captureTrace } from '../../../src/main/capture/capture';
import { Control } from '../../../src/shared/base/control';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import { SPECIMEN, changedDump, judgeDump, reported } from '../../helpers/reported';

let folder: string;
beforeAll(() => void (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'scales-test-'))));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Node names without step and layer, and what their values are multiplied by; `undefined` leaves them out. */
type Factors = Readonly<Record<string, number | undefined>>;

function scaled(from: string, model: string, name: string, factors: Factors, layer?: number): Promise<Verdict> {
  const out = path.join(folder, `${name}.safetensors`);
  changedDump(from, out, (key, values) => {
    const [, bare = '', n, rest = ''] = /^(?:step\d+\/)?(.*?)(?:-(\d+))?(#\d+)?$/.exec(key) ?? [];
    const own = `${bare}${rest}`;
    if (!(own in factors) || (layer !== undefined && Number(n) !== layer)) return true;
    const factor = factors[own];
    return factor === undefined ? undefined : { values: values.map((v) => v * factor) };
  });
  return judgeDump(model, out);
}

const folded = reported('engines', 'c10-right') ?? '';

describe.skipIf(folded === '')('the soft-max’s scale folded into what it reads', { timeout: 180_000 }, () => {
  const scale = 1 / Math.sqrt(32);

  it('is clean where kq is dumped scaled, with a line that says so', async () => {
    const verdict = await judgeDump(SPECIMEN, folded);
    expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
    expect(verdict.alignment.filter((line) => line.includes('dumped already scaled by'))).toEqual([
      expect.stringMatching(/^kq is dumped already scaled by 0\.176777 /),
    ]);
    expect(verdict.profile.find((p) => p.node === 'kq-1')?.inherited).toBeLessThan(0.01);
  });

  it.each<readonly [string, Factors]>([
    ['Q and kq are', { 'Qcur#1': scale }],
    ['Q is scaled before RoPE, too', { 'Qcur#0': scale, 'Qcur#1': scale }],
    ['Q and K are by the root each', { 'Qcur#1': Math.sqrt(scale), 'Kcur#1': Math.sqrt(scale) }],
    ['kq is and the soft-max is not dumped', { kq_soft_max: undefined }],
    ['kq is not after all', { kq: 1 / scale }],
  ])('is clean where %s', async (name, factors) => {
    expect(await scaled(folded, SPECIMEN, name, factors)).toMatchObject({ verdict: 'clean', firstBad: null });
  });

  it('is clean where one layer only does so', async () => {
    const verdict = await scaled(folded, SPECIMEN, 'layer', { kq: 1 / scale }, 1);
    expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
  });

  it('is wrong where the factor is no scale of the graph', async () => {
    const verdict = await scaled(folded, SPECIMEN, 'other', { kq: 0.3 });
    expect(verdict.firstBad).toMatchObject({ node: 'kq-0' });
  });

  it('is wrong where it is applied once more', async () => {
    const verdict = await scaled(folded, SPECIMEN, 'twice', { kq: scale });
    expect(verdict.firstBad).toMatchObject({ node: 'kq-0' });
  });

  it('is wrong where nothing that reads it applies such a scale', async () => {
    const verdict = await scaled(folded, SPECIMEN, 'unread', { kq: 1 / scale, ffn_norm: scale });
    expect(verdict.firstBad).toMatchObject({ node: 'ffn_norm-0' });
  });
});

const gemma = reported('engines', 'gemma2-window16') ?? '';
const granite = reported('engines', 'granitehybrid-multipliers') ?? '';

describe.skipIf(gemma === '' || granite === '')(
  'other scales of a graph, before and after they are applied',
  { timeout: 180_000 },
  () => {
    const captured = new Map<string, string>();
    beforeAll(async () => {
      for (const model of [gemma, granite]) {
        const out = path.join(folder, `${path.basename(model)}.safetensors`);
        await captureTrace({ modelPath: model, tokens: [1, 17, 5, 99, 42, 7], out }, new Control(() => undefined));
        captured.set(model, out);
      }
    });
    const embedding = Math.fround(Math.sqrt(128));
    const attention = 1 / Math.sqrt(32);
    const cap = 50;

    it.each<readonly [string, string, Factors]>([
      ['the embedding is dumped scaled', gemma, { embd: embedding }],
      [
        'Q is dumped before its scale, and the cap’s scale makes up for it',
        gemma,
        { node_7: 1 / attention, kq: 1 / attention, node_51: 1 / attention },
      ],
      ['the scaled embedding is dumped before', gemma, { inp_scaled: 1 / embedding }],
      ['kq is dumped scaled by the cap', gemma, { kq: 1 / cap }],
      ['what attention adds is dumped scaled', granite, { attn_out: 0.22, ffn_out: 0.22 }],
    ])('is clean where %s', async (name, model, factors) => {
      const verdict = await scaled(captured.get(model)!, model, name, factors);
      expect(verdict.allBad.map((b) => b.node)).toEqual([]);
      expect(verdict.verdict).toBe('clean');
      expect(verdict.alignment.join()).toMatch(/is dumped (already|before)/);
    });

    it('is wrong where the logits are not scaled: nobody reads them', async () => {
      const verdict = await scaled(captured.get(granite)!, granite, 'logits', { result_output: 8 });
      expect(verdict.firstBad?.node).toBe('result_output');
    });
  },
);
