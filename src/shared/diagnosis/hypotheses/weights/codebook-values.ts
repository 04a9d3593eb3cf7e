import type { Hypothesis, Parameters, Variant } from '../../hypothesis';
import type { BlockRecipe } from './block-parts';
import { asInt8, decoderOf } from './block-parts';
import type { CodebookFit, SlotKind } from './codebook-fit';
import { fitCodebook } from './codebook-fit';
import { gridOf, gridRecipe } from './grid-recipes';
import { recipeOf } from './recipes';
import { decoderVariant, weightTypeOf, wholeWeightOf } from './weight-site';

/** Formats whose codes stand for values of a table. */
const TABLED: ReadonlySet<string> = new Set(['IQ4_NL', 'IQ4_XS', 'MXFP4', 'NVFP4']);
/** Share below which a fit is no finding. */
const LEAST_SHARE = 0.4;
/** A fitted value this near to a multiple of ½, in which all tables are written, is that. */
const SNAP = 0.1;

const COUNTS = ['one value', 'two values', 'three values'];

function snapped(value: number): number {
  const half = Math.round(2 * value) / 2;
  return Math.abs(half - value) <= SNAP ? half : Math.round(value * 1000) / 1000;
}

function withTable(recipe: BlockRecipe, fit: CodebookFit, label: string): Variant {
  const values = recipe.values.slice();
  const parameters: Record<string, number | string> = {};
  fit.changes.forEach(({ slot, delta }, i) => {
    const right = recipe.values[slot]!;
    values[slot] = snapped(right + delta);
    const name = gridOf(recipe.type) ? `level ${asInt8(slot)}` : `code ${slot}`;
    Object.assign(parameters, {
      [numbered('code', i)]: name,
      [numbered('value', i)]: values[slot],
      [numbered('right', i)]: right,
    });
  });
  return decoderVariant(label, parameters, recipe.type, () => decoderOf(recipe, { values }));
}

function withGrid(recipe: BlockRecipe, fit: CodebookFit, label: string): Variant | undefined {
  const own = gridOf(recipe.type);
  if (!own) return undefined;
  const grid = own.grid.slice();
  const parameters: Record<string, number | string> = {};
  fit.changes.forEach(({ slot, delta }, i) => {
    grid[slot] = Math.round(own.grid[slot]! + delta);
    const place = `entry ${Math.floor(slot / own.width)}, place ${slot % own.width}`;
    const changed: Parameters = {
      [numbered('place', i)]: place,
      [numbered('value', i)]: grid[slot],
      [numbered('right', i)]: own.grid[slot]!,
    };
    Object.assign(parameters, changed);
  });
  const wrong = gridRecipe(recipe.type, { grid });
  return wrong && decoderVariant(`${label} of the grid`, parameters, recipe.type, () => decoderOf(wrong, {}));
}

const numbered = (name: string, i: number): string => (i === 0 ? name : `${name} ${i + 1}`);

export const CODEBOOK_VALUES: Hypothesis = {
  id: 'codebook-values',
  title: 'a few values of the codebook are wrong',
  explanation:
    'Codebooks are tables typed in by hand or copied: one wrong number makes all elements with that code wrong by the same ' +
    'ratio, and leaves the others exact. The values are solved from the wrong results.',
  whereToLook:
    'The table itself, entry by entry, against ggml-common.h: kvalues_iq4nl, kvalues_mxfp4, iq2*_grid, iq3*_grid, iq1s_grid.',
  citations: ['vllm-project/vllm-gguf-plugin#136'],
  catalogue: [7],
  generality: 2,
  *variants(site) {
    const type = weightTypeOf(site);
    const weight = wholeWeightOf(site);
    const recipe = type && recipeOf(type);
    if (!recipe || !weight || !site.wrong || !(TABLED.has(type) || gridOf(type))) return;
    const kinds: readonly SlotKind[] = TABLED.has(type) ? ['value'] : ['value', 'entry'];
    for (const kind of kinds) {
      for (const [i, fit] of fitCodebook(site, weight, recipe, kind).entries()) {
        const label = COUNTS[i];
        if (label === undefined || fit.share < LEAST_SHARE) continue;
        const variant = kind === 'value' ? withTable(recipe, fit, label) : withGrid(recipe, fit, label);
        if (variant) yield variant;
      }
    }
  },
};
