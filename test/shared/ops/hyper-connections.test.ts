import { describe, expect, it } from 'vitest';
import { complaint, floatBits, randomValues, runOp, tensor } from './op-helpers';

const TOKENS = 5;

describe('DSV4_HC_COMB', () => {
  const src = [
    tensor([24, TOKENS, 1, 1], randomValues(120)),
    tensor([3, 1, 1, 1], [1, 1, 2]),
    tensor([24, 1, 1, 1], []),
  ];
  const run = (iterations: number): Float32Array =>
    runOp({ kind: 'DSV4_HC_COMB', ne: [4, 4, TOKENS, 1], src, params: [floatBits(1e-6), iterations] });
  const sum = (m: Float32Array, at: readonly number[]): number => at.reduce((s, i) => s + m[i]!, 0);

  it('makes columns sum to 1, and rows after enough iterations', () => {
    const [once, often] = [run(1), run(100)];
    for (let t = 0; t < 16 * TOKENS; t += 16) {
      for (let i = 0; i < 4; i++) {
        const column = [t + i, t + i + 4, t + i + 8, t + i + 12];
        const row = [0, 1, 2, 3].map((j) => t + 4 * i + j);
        expect(sum(once, column)).toBeCloseTo(1, 5);
        expect(sum(often, column)).toBeCloseTo(1, 5);
        expect(sum(often, row)).toBeCloseTo(1, 5);
      }
    }
  });

  it('refuses iterations that make no sense, and other numbers of streams', () => {
    const why = (iterations: number): string | undefined =>
      complaint({ kind: 'DSV4_HC_COMB', ne: [4, 4, TOKENS, 1], src, params: [floatBits(1e-6), iterations] });
    expect(why(20)).toBeUndefined();
    expect(why(0)).toContain('0 iterations');
    expect(why(2 ** 31 - 1)).toContain('2147483647 iterations');
    const three = [tensor([15, TOKENS, 1, 1], []), src[1], tensor([15, 1, 1, 1], [])];
    expect(complaint({ kind: 'DSV4_HC_COMB', ne: [3, 3, TOKENS, 1], src: three, params: [0, 1] })).toContain(
      'source 0 is [15, 5, 1, 1]; [24, 5, 1, 1] is expected',
    );
  });
});

describe('DSV4_HC_PRE and DSV4_HC_POST', () => {
  const x = tensor([3, 2, 1, 1], [1, 2, 3, 10, 20, 30]);

  it('PRE adds up weighted streams', () => {
    const src = [x, tensor([2, 1, 1, 1], [1, 0.5])];
    expect([...runOp({ kind: 'DSV4_HC_PRE', ne: [3, 1, 1, 1], src })]).toEqual([6, 12, 18]);
  });

  it('POST adds the layer’s result to mixed streams', () => {
    const src = [
      tensor([3, 1, 1, 1], [100, 200, 300]),
      x,
      tensor([2, 1, 1, 1], [1, 2]),
      tensor([2, 2, 1, 1], [1, 0, 0.5, 2]), // from 0: to 0, to 1; from 1
    ];
    expect([...runOp({ kind: 'DSV4_HC_POST', ne: [3, 2, 1, 1], src })]).toEqual([106, 212, 318, 220, 440, 660]);
  });
});
