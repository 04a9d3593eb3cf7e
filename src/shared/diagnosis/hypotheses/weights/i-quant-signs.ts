import type { GgmlTypeName } from '../../../quant/ggml-type';
import { IQ2S, IQ2XS, IQ3S, IQ3XXS } from '../../../quant/i-quants-tables';
import type { Hypothesis } from '../../hypothesis';
import type { PartsChange } from './block-parts';
import { gridOf, gridRecipe } from './grid-recipes';
import type { NamedMistake } from './parts-variants';
import { partsVariants } from './parts-variants';

/** Changes the eight signs of each group, given as ±1 from `at` on. */
const eachGroup =
  (change: (signs: Int8Array, at: number) => void): PartsChange =>
  ({ signs }) => {
    for (let at = 0; at < 256; at += 8) change(signs, at);
  };

function* signMistakes(kind: 'seven' | 'eight'): Generator<NamedMistake> {
  yield { label: 'left out', change: ({ signs }) => signs.fill(1) };
  yield {
    label: 'inverted',
    change: eachGroup((signs, at) => {
      for (let j = 0; j < 8; j++) signs[at + j]! *= -1;
    }),
  };
  yield { label: 'in reverse order', change: eachGroup((signs, at) => signs.subarray(at, at + 8).reverse()) };
  yield {
    label: 'halves of a group swapped',
    change: eachGroup((signs, at) => {
      for (let j = 0; j < 4; j++) [signs[at + j], signs[at + 4 + j]] = [signs[at + 4 + j]!, signs[at + j]!];
    }),
  };
  if (kind === 'eight') return;
  yield { label: 'eighth always positive', change: eachGroup((signs, at) => signs.fill(1, at + 7, at + 8)) };
  yield {
    label: 'eighth with the wrong parity',
    change: eachGroup((signs, at) => {
      signs[at + 7]! *= -1;
    }),
  };
}

/** IQ2 and IQ3. */
export const I_QUANT_SIGNS: Hypothesis = {
  id: 'i-quant-signs',
  title: 'the sign bits of I-quants are applied wrongly',
  explanation:
    'IQ2 and IQ3 store magnitudes in a codebook and signs apart: eight bits per group, or seven with the eighth making ' +
    'their number even. Magnitudes are right and some signs are not.',
  whereToLook: 'ksigns_iq2xs (128 entries, even parity) and kmask_iq2xs: bit j belongs to element j of the group.',
  citations: ['vllm-project/vllm-gguf-plugin#136'],
  catalogue: [7],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* ({ type }): Generator<NamedMistake> {
      const signs = gridOf(type)?.signs;
      if (signs === 'seven' || signs === 'eight') yield* signMistakes(signs);
    });
  },
};

/** Codebooks of as many values per entry, with at least as many entries as are asked for. */
const SIBLING_GRIDS: Partial<Record<GgmlTypeName, readonly (readonly [string, Int8Array])[]>> = {
  IQ2_XXS: [
    ['iq2xs_grid', IQ2XS],
    ['iq2s_grid', IQ2S],
  ],
  IQ2_XS: [['iq2s_grid', IQ2S]],
  IQ2_S: [['iq2xs_grid', IQ2XS]],
  IQ3_XXS: [['iq3s_grid', IQ3S]],
  IQ3_S: [['iq3xxs_grid', IQ3XXS]],
};

/** A codebook repeated as often as numbers of entries ask for. */
function repeated(grid: Int8Array, length: number): Int8Array {
  return Int8Array.from({ length: Math.max(length, grid.length) }, (_, i) => grid[i % grid.length]!);
}

function reversedEntries(grid: Int8Array, width: number): Int8Array {
  return grid.map((_, i) => grid[i - (i % width) + (width - 1 - (i % width))]!);
}

export const I_QUANT_CODEBOOK: Hypothesis = {
  id: 'i-quant-codebook',
  title: 'codes of I-quants are looked up in another codebook, or with too few bits',
  explanation:
    'An entry’s number is put together from qs and high bits elsewhere, and looked up in the format’s own codebook. With a ' +
    'sibling’s codebook, without the high bits, or with values in reverse order, groups of 4 or 8 values are others.',
  whereToLook:
    'The grid’s name and length (iq2xxs 256, iq2xs 512, iq2s 1024, iq3xxs 256, iq3s 512, iq1s 2048), qh, byte order of entries.',
  citations: ['vllm-project/vllm-gguf-plugin#136'],
  catalogue: [7],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* (recipe): Generator<NamedMistake> {
      const { type } = recipe;
      const own = gridOf(type);
      if (!own) return;
      const { grid, width } = own;
      for (const [name, other] of SIBLING_GRIDS[type] ?? []) {
        const sibling = gridRecipe(type, { grid: repeated(other, grid.length) });
        if (sibling) yield { label: name, recipe: sibling };
      }
      const reversed = gridRecipe(type, { grid: reversedEntries(grid, width) });
      if (reversed) yield { label: 'entries in reverse order', recipe: reversed };
      const low = grid.length / width > 256 ? gridRecipe(type, { entryMask: 255 }) : undefined;
      if (low) yield { label: 'high bits of entries left out', recipe: low };
    });
  },
};
