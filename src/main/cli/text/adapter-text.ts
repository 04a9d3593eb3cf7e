import { adapterName } from '../../../shared/gpu/adapter';
import type { AdapterFingerprint } from '../../../shared/gpu/fingerprint';
import type { MeasuredNumerics } from '../../../shared/gpu/measure-numerics';
import { table } from './table';

const TITLES: Readonly<Record<keyof MeasuredNumerics, string>> = {
  f32SubnormalOperand: 'f32 subnormal as an operand',
  f32SubnormalResult: 'f32 subnormal as a result',
  f32SubnormalCopied: 'f32 subnormal loaded and stored',
  f16SubnormalUnpacked: 'f16 subnormal through unpack2x16float',
  f16SubnormalPacked: 'f16 subnormal through pack2x16float',
  f32ToF16: 'f32 to f16 rounds',
  f32ToF16Overflow: '65520 as f16',
  u32ToF32: 'u32 to f32 rounds',
  infinityMultiplied: '∞ × 1',
  nanMultiplied: 'NaN × 1',
  overflowIsInfinity: 'overflow gives ∞',
  infinityMinusInfinityIsNan: '∞ − ∞ is a NaN',
  infinityCopied: 'bits of ∞ loaded and stored',
  quietNanCopied: 'bits of a quiet NaN',
  signallingNanCopied: 'bits of a signalling NaN',
  nanComparesUnequal: 'NaN ≠ NaN holds',
  productsContracted: 'a × b + c is contracted to fma',
  fmaRoundsOnce: 'fma() rounds once',
  sumsReordered: '(a + b) − a is reordered to b',
};

/** A fingerprint as a person reads it in a terminal. */
export function adapterText(print: AdapterFingerprint): string {
  const { numerics, subgroups, timestampStep, features, limits } = print;
  const measured = Object.entries(TITLES).map(([key, title]) => [
    title,
    shown(numerics[key as keyof MeasuredNumerics]),
  ]);
  return [
    adapterName(print),
    '',
    table(
      ['measured', ''],
      [
        ...measured,
        [
          'subgroup size',
          subgroups ? `${subgroups.used} (${subgroups.least ?? '?'} … ${subgroups.most ?? '?'})` : 'no subgroups',
        ],
        ['timestamp step', timestampStep === null ? 'passes cannot be timed' : `${timestampStep} ns`],
      ],
    ),
    '',
    `features: ${features.join(', ')}`,
    '',
    table(
      ['limit', 'value'],
      Object.entries(limits).map(([name, value]) => [name, value.toLocaleString('en')]),
      new Set([1]),
    ),
  ].join('\n');
}

function shown(value: string | boolean): string {
  return typeof value === 'string' ? value : value ? 'yes' : 'no';
}
