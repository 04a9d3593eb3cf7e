/** Right, rounded or wrong: each with a class and, since colour is never alone, with a shape of its own. */
import type { ProfileEntry } from '../../shared/divergence/verdict';

export type Mark = 'local' | 'rounded' | 'bad';

/** From behind to the front. */
export const MARKS: readonly Mark[] = ['local', 'rounded', 'bad'];

/** Bad goes before rounded, for what stands for several nodes. */
export function markOf({ bad, rounded }: Pick<ProfileEntry, 'bad' | 'rounded'>): Mark {
  return bad ? 'bad' : rounded ? 'rounded' : 'local';
}

/** A dot, a hollow square or a disc, with what is said of it. */
export function markSvg(mark: Mark, x: number, y: number, title = ''): string {
  const [cx, cy] = [x.toFixed(1), y.toFixed(1)];
  if (mark !== 'rounded')
    return `<circle class="${mark}" cx="${cx}" cy="${cy}" r="${mark === 'bad' ? 4 : 1.8}">${title}</circle>`;
  const half = 3;
  return `<rect class="rounded" x="${(x - half).toFixed(1)}" y="${(y - half).toFixed(1)}" width="${2 * half}" height="${2 * half}">${title}</rect>`;
}

/** Legend entries of the marks that a plot has. */
export function markLegend(marks: readonly Mark[]): readonly (readonly [Mark, string])[] {
  const seen = new Set(marks);
  return [
    ...(seen.has('rounded') ? [['rounded', 'only rounded'] as const] : []),
    ...(seen.has('bad') ? [['bad', 'wrong'] as const] : []),
  ];
}
