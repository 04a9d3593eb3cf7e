import { describe, expect, it } from 'vitest';
import { ACTIVATION_PRECISION } from '../../../../../src/shared/diagnosis/hypotheses/weights/activation-precision';
import { bestOf } from '../../try-hypothesis';
import { decoded, matMul, matMulSite, unrelated } from './weight-fixture';

const [K, ROWS] = [256, 24];

describe('activations in int8', () => {
  it.each([
    ['row', K],
    ['64', 64],
  ])('a scale per %s', async (scalePer, size) => {
    const m = matMul('F32', K, ROWS);
    const right = matMulSite(m, undefined);
    const x = right.source(1)!;
    const weights = decoded(m);
    const wrong = right.right.map((_, i) => {
      const [r, column] = [i % ROWS, Math.floor(i / ROWS)];
      let sum = 0;
      for (let k = 0; k < K; k++) {
        const start = column * K + k - (k % size);
        const most = Math.max(...x.subarray(start, start + size).map(Math.abs));
        sum += weights[r * K + k]! * ((Math.round((x[column * K + k]! / most) * 127) * most) / 127);
      }
      return sum;
    });
    const best = await bestOf(ACTIVATION_PRECISION, matMulSite(m, wrong));
    expect(best?.share).toBeGreaterThan(0.99);
    expect(best?.parameters).toMatchObject({ scalePer });
  });

  it('explains nothing of another error', async () => {
    const m = matMul('Q8_0', K, ROWS);
    const site = matMulSite(m, undefined);
    const best = await bestOf(ACTIVATION_PRECISION, { ...site, wrong: unrelated(site.right) });
    expect(best?.share ?? 0).toBeLessThan(0.5);
  });
});
