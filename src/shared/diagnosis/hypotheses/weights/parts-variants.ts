import type { Parameters, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import type { BlockRecipe, DecodingMistake } from './block-parts';
import { decoderOf } from './block-parts';
import { recipeOf } from './recipes';
import { decoderVariant, weightTypeOf } from './weight-site';

/** A mistake in decoding a block, under a name. */
export interface NamedMistake extends DecodingMistake {
  readonly label: string;
  readonly parameters?: Parameters;
  /** A recipe in place of the format's own. */
  readonly recipe?: BlockRecipe;
}

/** The variants of a hypothesis about blocks: none where the node's weight has none. */
export function* partsVariants(
  site: Site,
  mistakes: (recipe: BlockRecipe) => Iterable<NamedMistake>,
): Generator<Variant> {
  const type = weightTypeOf(site);
  const recipe = type && recipeOf(type);
  if (!recipe) return;
  for (const mistake of mistakes(recipe)) {
    const { label, parameters } = mistake;
    yield decoderVariant(label, { mistake: label, ...parameters }, type, () =>
      decoderOf(mistake.recipe ?? recipe, mistake),
    );
  }
}
