import type { Hypothesis } from '../../hypothesis';
import type { GgmlTypeName } from '../../../quant/ggml-type';
import { IQ4_VALUES } from '../../../quant/i-quants-tables';
import { FP4_DOUBLED } from '../../../quant/microscaling';
import { valuesBy } from './block-parts';
import type { NamedMistake } from './parts-variants';
import { partsVariants } from './parts-variants';

/** What is subtracted from the codes, and how many codes there are. */
const EXCESS: Partial<Record<GgmlTypeName, readonly [excess: number, codes: number]>> = {
  ...{ Q4_0: [8, 16], Q5_0: [16, 32], Q6_K: [32, 64], Q3_K: [4, 8], Q2_0: [1, 4], TQ1_0: [1, 3], TQ2_0: [1, 4] },
};
/** Codes of formats with a min: nothing is subtracted. */
const UNSIGNED: Partial<Record<GgmlTypeName, number>> = { Q4_1: 16, Q5_1: 32, Q2_K: 4, Q4_K: 16, Q5_K: 32 };

function* otherOffsets(type: GgmlTypeName): Generator<NamedMistake> {
  const [excess, codes] = EXCESS[type] ?? [0, UNSIGNED[type] ?? 0];
  if (codes === 0) return;
  const less = (offset: number, label: string): NamedMistake => ({
    label,
    parameters: { offset, right: excess },
    values: valuesBy((c) => c - offset),
  });
  const half = codes >> 1;
  if (excess > 0) yield less(0, 'offset forgotten');
  if (codes > 3) {
    yield {
      label: 'two’s complement',
      parameters: { right: excess > 0 ? `excess ${excess}` : 'unsigned' },
      values: valuesBy((c) => (c < half ? c : c - codes)),
    };
  }
  if (excess === 0) yield less(half, 'offset of the signed type');
  yield less(excess + 1, 'one too much subtracted');
  if (excess > 1) yield less(excess - 1, 'one too little subtracted');
  if (codes > 3 && excess !== 0) yield less((codes - 1) / 2, 'centred between codes');
  if (excess > 0) yield { label: 'sign and magnitude', values: valuesBy((c) => (c < half ? c : half - c)) };
}

function* otherBytes(): Generator<NamedMistake> {
  yield { label: 'unsigned', values: valuesBy((c) => c) };
  yield { label: 'excess 128', values: valuesBy((c) => c - 128) };
  yield { label: 'excess 127', values: valuesBy((c) => c - 127) };
  yield { label: 'sign and magnitude', values: valuesBy((c) => (c < 128 ? c : 128 - c)) };
}

/** Which end of the codes is negative. */
export const CODE_OFFSET: Hypothesis = {
  id: 'code-offset',
  title: 'codes are made signed in the wrong way',
  explanation:
    'Q4_0, Q5_0, Q6_K and Q3_K subtract a constant from unsigned codes; Q8_0 stores int8; formats with a min subtract ' +
    'nothing. With another constant, or two’s complement, values are shifted by a multiple of the scale or change sign.',
  whereToLook:
    'The line that turns a code into a number: (q & 0xF) − 8 in Q4_0, − 16 in Q5_0, − 32 in Q6_K, int8 in Q8_0.',
  citations: ['1bit-MONSTER/1bit-MONSTER#572'],
  catalogue: [5, 6],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* ({ type }): Generator<NamedMistake> {
      if (type === 'Q8_0') yield* otherBytes();
      else if (type === 'Q1_0') yield { label: 'offset forgotten', values: valuesBy((c) => c) };
      else yield* otherOffsets(type);
    });
  },
};

const fp4 = (c: number): number => FP4_DOUBLED[c & 15]!;
const int4 = (c: number): number => ((c & 15) < 8 ? c & 15 : (c & 15) - 16);

/** IQ4_NL, IQ4_XS, MXFP4, NVFP4: sixteen codes that are no integers. */
export const ANOTHER_CODE_TABLE: Hypothesis = {
  id: 'another-code-table',
  title: 'codes are looked up in another table',
  explanation:
    'IQ4_NL and IQ4_XS stand for sixteen unequally spaced values, MXFP4 and NVFP4 for E2M1 floats. Read as plain 4-bit ' +
    'integers or with the other format’s table every value is off, monotonically in its code.',
  whereToLook:
    'kvalues_iq4nl for IQ4_NL and IQ4_XS; kvalues_mxfp4 (twice E2M1, under half the scale) for MXFP4 and NVFP4.',
  citations: [],
  catalogue: [7],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* ({ type }): Generator<NamedMistake> {
      const isFp4 = type === 'MXFP4' || type === 'NVFP4';
      if (!isFp4 && type !== 'IQ4_NL' && type !== 'IQ4_XS') return;
      if (isFp4) {
        yield { label: 'sign bit left out', values: valuesBy((c) => fp4(c & 7)) };
        yield { label: 'sign bit last', values: valuesBy((c) => fp4(((c & 1) << 3) | ((c >> 1) & 7))) };
        yield { label: 'E2M1 not doubled', values: valuesBy((c) => fp4(c) / 2) };
        yield { label: 'IQ4_NL', values: valuesBy((c) => IQ4_VALUES[c & 15]!) };
        yield { label: 'E1M2', values: valuesBy((c) => (c & 8 ? -1 : 1) * (c & 7)) };
      } else {
        yield { label: 'E2M1', values: valuesBy(fp4) };
        yield { label: '16 × (code − 8)', values: valuesBy((c) => 16 * ((c & 15) - 8)) };
        yield { label: 'two’s complement index', values: valuesBy((c) => IQ4_VALUES[(c & 15) ^ 8]!) };
      }
      yield { label: 'code − 8', values: valuesBy((c) => (c & 15) - 8) };
      yield { label: 'int4', values: valuesBy(int4) };
      yield {
        label: 'table reversed',
        values: valuesBy((c) => (isFp4 ? fp4 : (i: number) => IQ4_VALUES[i]!)(15 - (c & 15))),
      };
    });
  },
};
