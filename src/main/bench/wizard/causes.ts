/** Which causes are right for a plant: ids of hypotheses. A general one is not where a particular one exists. */
const ACCEPTED: Readonly<Record<string, readonly string[]>> = {
  'double-bos': ['double-bos'],
  'missing-bos': ['missing-bos'],
  'pre-tokenizer': ['tokenizer'],
};

export function acceptedCauses(plant: string): readonly string[] {
  return ACCEPTED[plant] ?? [];
}
