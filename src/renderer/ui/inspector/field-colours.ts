/** Categorical hues of the theme; here they tell a block's fields apart, lanes have none in this view. */
const HUES = ['--lane-1', '--lane-2', '--lane-3', '--lane-4', '--lane-5', '--doubt'] as const;

export function fieldColour(field: number): string {
  return `var(${HUES[field % HUES.length] ?? HUES[0]})`;
}

/** Ground of a byte; one that fields share is split between them. */
export function fieldGround(fields: readonly number[]): string {
  const tints = fields.map((f) => `color-mix(in srgb, ${fieldColour(f)} 30%, var(--surface))`);
  const step = 100 / tints.length;
  const stops = tints.map((tint, i) => `${tint} ${i * step}% ${(i + 1) * step}%`);
  return tints.length === 1 ? (tints[0] ?? '') : `linear-gradient(135deg, ${stops.join(', ')})`;
}
