/** The value of one parameter that comes nearest to wrong numbers. */
import type { Family } from './hypothesis';

/** Grid points over the range. */
const GRID = 13;
/** Golden-section steps around the best one: each takes away 38 % of what is left. */
const STEPS = 26;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Searches a grid and the likely values, then around the best of them.
 * @param score of a value; higher is better, NaN where it cannot be computed
 */
export async function bestValue(
  family: Omit<Family, 'label' | 'at'>,
  score: (value: number) => Promise<number>,
): Promise<{ readonly value: number; readonly score: number } | undefined> {
  const scale = family.spacing === 'log' ? LOG : LINEAR;
  const [from, to] = [scale.in(family.from), scale.in(family.to)];
  const step = (to - from) / (GRID - 1);
  let best: { value: number; score: number } | undefined;
  const look = async (value: number): Promise<number> => {
    const found = await score(value);
    if (Number.isFinite(found) && (!best || found > best.score)) best = { value, score: found };
    return Number.isFinite(found) ? found : -Infinity;
  };
  for (const value of family.likely ?? []) await look(value);
  for (let i = 0; i < GRID; i++) await look(scale.out(from + i * step));
  if (!best) return undefined;
  // a likely value that explains everything is not refined: 10000 is named, not 9999.98
  const middle = scale.in(best.value);
  if (best.score < 1 - EXACT) await refine(middle - step, middle + step, (at) => look(scale.out(at)));
  return best;
}

/** Left over of a value that is exactly the one. */
const EXACT = 1e-9;

async function refine(from: number, to: number, look: (at: number) => Promise<number>): Promise<void> {
  let [a, b] = [from, to];
  let c = b - GOLDEN * (b - a);
  let d = a + GOLDEN * (b - a);
  let [fc, fd] = [await look(c), await look(d)];
  for (let i = 0; i < STEPS; i++) {
    if (fc > fd) {
      [b, d, fd] = [d, c, fc];
      c = b - GOLDEN * (b - a);
      fc = await look(c);
    } else {
      [a, c, fc] = [c, d, fd];
      d = a + GOLDEN * (b - a);
      fd = await look(d);
    }
  }
}

interface Scale {
  readonly in: (value: number) => number;
  readonly out: (at: number) => number;
}

const LINEAR: Scale = { in: (x) => x, out: (x) => x };
const LOG: Scale = { in: Math.log, out: Math.exp };
