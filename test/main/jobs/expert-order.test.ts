import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { changedDump, judgeDump, reported } from '../../helpers/reported';
import type { Changed } from '../../helpers/reported';

const dump = reported('engines', 'c09-right') ?? '';
const model = reported('engines', 'qwen3moe-8x3') ?? '';
const USED = 3;

/** The first `USED` of each row of 8. */
function chosen(rows: Float32Array): number[] {
  return [...rows].filter((_, i) => i % 8 < USED);
}

/** The slots of each token in reverse order. */
function reversed(values: Float32Array, shape: readonly number[]): Float32Array {
  const wide = shape.length - 1 - shape.lastIndexOf(USED);
  const step = shape.slice(shape.length - wide).reduce((a, b) => a * b, 1);
  return values.map((_, i) => values[i + (USED - 1 - 2 * (Math.floor(i / step) % USED)) * step]!);
}

describe.skipIf(dump === '')(
  'experts of a token in another order than llama.cpp keeps them',
  { timeout: 180_000 },
  () => {
    let folder: string;
    beforeAll(() => void (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'experts-test-'))));
    afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

    const judged = (name: string, change: Parameters<typeof changedDump>[2]): ReturnType<typeof judgeDump> =>
      judgeDump(model, changedDump(dump, path.join(folder, `${name}.safetensors`), change));

    it('is clean by the dump’s own choice, in the prompt and in decode steps, and says so', async () => {
      const verdict = await judgeDump(model, dump);
      expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
      expect(verdict.alignment.join()).toMatch(/experts of a token stand in another order .* ffn_moe_argsort-0/);
      // nodes of slots are no further from the reference than the others
      const weights = verdict.profile.filter((p) => p.node.startsWith('ffn_moe_weights_norm'));
      expect(weights.length).toBeGreaterThan(1);
      for (const { inherited } of weights) expect(inherited).toBeLessThan(0.01);
    });

    it('is clean where only the chosen ones are dumped, under the name of their view', async () => {
      const onlyChosen = (key: string, values: Float32Array): Changed | true => {
        if (!key.includes('ffn_moe_argsort')) return true;
        const shape = key.startsWith('step') ? [USED] : [6, USED];
        return { key: key.replace('argsort', 'topk'), shape, values: Int32Array.from(chosen(values)) };
      };
      const verdict = await judged('topk', onlyChosen);
      expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
      expect(verdict.profile.filter((p) => p.node === 'ffn_moe_argsort-0')).toHaveLength(3);
    });

    it('is clean where no choice is dumped: the values tell', async () => {
      const verdict = await judged('values', (key) => (key.includes('argsort') ? undefined : true));
      expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
      expect(verdict.alignment.join()).toMatch(/slots are matched by their values/);
    });

    it('is clean where the choice is dumped by score and the slots are not', async () => {
      const verdict = await judged('dispatched', (key, values, { shape }) => {
        if (!/ffn_moe_(weights|weights_norm|gate|up|swiglu|down|weighted)-/.test(key)) return true;
        return { values: reversed(values, shape) };
      });
      expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
    });

    it('still names a wrong set of experts', async () => {
      const verdict = await judged('wrong-set', (key, values) => {
        if (key !== 'ffn_moe_argsort-1') return true;
        const other = values.slice();
        [other[0], other[7]] = [other[7]!, other[0]!];
        return { values: other };
      });
      expect(verdict.firstBad).toMatchObject({ node: 'ffn_moe_argsort-1', step: 0 });
    });

    it.each(['gate', 'down', 'weights', 'weighted'])('still names %s in another order than the rest', async (part) => {
      const verdict = await judged(`mixed-${part}`, (key, values, { shape }) =>
        key === `ffn_moe_${part}-0` ? { values: reversed(values, shape) } : true,
      );
      expect(verdict.verdict).toBe('diverged');
      expect(verdict.firstBad?.node).toBe(`ffn_moe_${part}-0`);
    });
  },
);
