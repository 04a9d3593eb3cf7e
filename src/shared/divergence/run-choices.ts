/** What was asked of a run that changes what is computed and judged: it belongs to every result. */
import type { WeightPrecision } from '../gguf/ablated-weights';

export interface RunChoices {
  /** How the lanes that run the graph read the weights. */
  readonly weights: WeightPrecision;
  /** The only layers that ran, both ends included; null for all. */
  readonly layers: { readonly from: number; readonly to: number } | null;
  /** Key of the last node that ran; null where nothing was cut off. */
  readonly stopAfter: string | null;
  /** Rules that place layers on lanes; null where one lane ran all. */
  readonly place: string | null;
}

/** All nodes, on weights as the file stores them. */
export const ALL_AS_IS: RunChoices = { weights: 'as-is', layers: null, stopAfter: null, place: null };

/** The choices that differ from `ALL_AS_IS`, each with its name; also the provenance of a trace. */
export function choiceTexts({ weights, layers, stopAfter, place }: RunChoices): Readonly<Record<string, string>> {
  return {
    ...(weights === 'as-is' ? {} : { weights }),
    ...(layers ? { layers: `${layers.from}..${layers.to}` } : {}),
    ...(stopAfter === null ? {} : { stopAfter }),
    ...(place === null ? {} : { place }),
  };
}

/** One sentence for each choice. */
export function choiceNotes({ weights, layers, stopAfter, place }: RunChoices): readonly string[] {
  return [
    ...(weights === 'as-is' ? [] : [`weights were dequantized to ${weights} as they were read`]),
    ...(layers
      ? [`only layers ${layers.from} to ${layers.to} ran; what they read of the rest was given, not computed`]
      : []),
    ...(stopAfter === null ? [] : [`nothing after ${stopAfter} ran`]),
    ...(place === null ? [] : [`layers were placed on lanes: ${place}`]),
  ];
}
