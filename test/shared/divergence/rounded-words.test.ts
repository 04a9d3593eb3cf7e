import { describe, expect, it } from 'vitest';
import type { InferredPrecision } from '../../../src/shared/divergence/rounding';
import { onlyRoundedText, roundedLines, roundingWords } from '../../../src/shared/divergence/rounded-words';
import type { ProfileEntry, RoundedNode } from '../../../src/shared/divergence/verdict';
import { sampleBad, sampleCause, sampleEntry, sampleRounded, sampleVerdict } from '../../renderer/sample-verdict';

const matMuls = (n: number): readonly ProfileEntry[] =>
  Array.from({ length: n }, (_, i) => sampleEntry(`kq-${i}`, i, { op: i % 2 ? 'MUL_MAT' : 'MUL_MAT_ID' }));
const norms = (n: number): readonly ProfileEntry[] =>
  Array.from({ length: n }, (_, i) => sampleEntry(`norm-${i}`, i, { op: 'RMS_NORM' }));
const round = (n: number, to: 'F16' | 'BF16' = 'F16', op = 'MUL_MAT'): readonly RoundedNode[] =>
  Array.from({ length: n }, (_, i) => sampleRounded(`${op}-${i}`, { to }, { op }));

const F16: InferredPrecision = {
  level: 'F16',
  declared: false,
  text: 'computes in F16: 6 of 20 mat-muls round to it',
};
const DECLARED: InferredPrecision = { level: 'F16', declared: true, text: 'computes in F16, as its dump says' };
const F32: InferredPrecision = {
  level: 'F32',
  declared: false,
  text: 'computes in F32: 17 of 20 mat-muls are that exact',
};

interface Case {
  readonly what: string;
  readonly rounded: readonly RoundedNode[];
  readonly precision: InferredPrecision | null;
  readonly profile?: readonly ProfileEntry[];
  readonly says: string | undefined;
  readonly lists: readonly string[];
}

const many = [...matMuls(20), ...norms(20)];

const CASES: readonly Case[] = [
  { what: 'nothing', rounded: [], precision: null, says: undefined, lists: [] },
  { what: 'a precision without rounding', rounded: [], precision: F32, says: F32.text, lists: [] },
  {
    what: 'two nodes of an engine in f32',
    rounded: round(2),
    precision: F32,
    says: F32.text,
    lists: ['2 nodes round (MUL_MAT-0, MUL_MAT-1): activations in F16'],
  },
  {
    what: 'many nodes, no precision',
    rounded: round(12),
    precision: null,
    says: undefined,
    lists: ['12 nodes round (MUL_MAT-0, MUL_MAT-1, MUL_MAT-2, MUL_MAT-3 and 8 more): activations in F16'],
  },
  { what: 'a quarter of the mat-muls', rounded: round(6), precision: F16, says: F16.text, lists: [] },
  {
    what: 'a quarter of the mat-muls, and as many otherwise',
    rounded: [...round(6), ...round(6, 'BF16')],
    precision: F16,
    says: F16.text,
    lists: [
      '6 nodes round (MUL_MAT-0, MUL_MAT-1, MUL_MAT-2, MUL_MAT-3 and 2 more): activations in F16',
      '6 nodes round (MUL_MAT-0, MUL_MAT-1, MUL_MAT-2, MUL_MAT-3 and 2 more): activations in BF16',
    ],
  },
  {
    what: 'a quarter of the mat-muls, and one node otherwise',
    rounded: [...round(6), ...round(1, 'BF16')],
    precision: F16,
    says: `${F16.text}; 1 node rounds otherwise`,
    lists: [],
  },
  {
    what: 'many nodes of a dump that says so',
    rounded: round(9, 'F16', 'RMS_NORM'),
    precision: DECLARED,
    says: 'computes in F16, as its dump says; 9 nodes round to it',
    lists: [],
  },
  {
    what: 'few nodes of a dump that says so',
    rounded: round(2, 'F16', 'RMS_NORM'),
    precision: DECLARED,
    says: DECLARED.text,
    lists: ['2 nodes round (RMS_NORM-0, RMS_NORM-1): activations in F16'],
  },
  {
    what: 'a few nodes of a graph without mat-muls',
    rounded: round(1, 'F16', 'RMS_NORM'),
    precision: DECLARED,
    profile: norms(3),
    says: DECLARED.text,
    lists: ['1 node rounds (RMS_NORM-0): activations in F16'],
  },
];

describe('what a candidate rounds, in words', () => {
  it.each(CASES)('$what', ({ rounded, precision, profile = many, says, lists }) => {
    expect(roundingWords({ rounded, precision, profile })).toEqual({ precision: says, sentences: lists });
  });

  it('names decode steps, and the commonest kind first', () => {
    const rounded = [sampleRounded('a', { text: 'sums in F16' }), ...round(1), sampleRounded('b', {}, { step: 2 })];
    expect(roundedLines({ rounded })).toEqual([
      { what: 'activations in F16', nodes: ['MUL_MAT-0', 'step2/b'] },
      { what: 'sums in F16', nodes: ['a'] },
    ]);
  });

  it('says that rounding alone is what differs, only where it is', () => {
    const strict = { verdict: 'diverged', strict: true, rounded: round(8) } as const;
    expect(onlyRoundedText(sampleVerdict(strict))).toBe(
      'nothing is wrong, but 8 nodes round, and rounding counts (strict)',
    );
    const different = { id: 'tokens', title: 'Tokens', state: 'different', text: '', details: [] } as const;
    for (const more of [
      { strict: false },
      { verdict: 'clean' },
      { rounded: [] },
      { firstBad: sampleBad() },
      { cause: sampleCause() },
      { preflight: [different] },
    ] as const) {
      expect(onlyRoundedText(sampleVerdict({ ...strict, ...more }))).toBeUndefined();
    }
  });
});
