/** Which roundings are tried at a node, and in which order. */
import type { Replayed } from '../replay';
import { cacheRoundings } from './cache-noise';
import type { DeclaredCaches } from './declared-caches';
import { blockGrid, F32_GRID, floatGrid, symmetricCodes } from './grids';
import type { NoiseSource } from './noise-source';
import {
  allRounding,
  angleRounding,
  functionRounding,
  inputRounding,
  operandRounding,
  resultRounding,
  sumRounding,
  underflowRounding,
  weightRounding,
} from './noise-source';
import { underflows } from './rounding-text';
import { hasShortMantissas } from './short-mantissas';

const [F16, BF16, TF32] = [floatGrid('F16'), floatGrid('BF16'), floatGrid('TF32')];
const BLOCKS = [32, 0].map((length) => blockGrid(symmetricCodes(8), { length }));
/** Terms of one sum in 16 bits where the results lie on no 16-bit grid: blocks of a quantized weight are summed so. */
const SHORT_SUM = 32;
/** Codes of 8-bit blocks on either side of 0. */
const CODES = 127;

export interface RoundingPlan {
  /** Replayed as they are, to the nearest: the plainest first. */
  readonly plain: readonly NoiseSource[];
  /** What is sampled, from precise to coarse; all that rounds at one level may do so together. */
  readonly levels: readonly (readonly NoiseSource[])[];
  /** The coarsest that are thought of: what none of them makes is no rounding. */
  readonly coarsest: readonly NoiseSource[];
}

/**
 * For one node, each place where it rounds; for a stretch, inside which nobody knows which, all of them together.
 * @param declared types in which the engine says to hold its caches: then few bits may do so inside a stretch, too
 */
export function roundingPlan(replay: Replayed, declared: DeclaredCaches): RoundingPlan {
  const { said, others } = cacheRoundings(replay, declared);
  const caches = [...said, ...others];
  const coarsest = [allRounding(BF16), ...caches.filter(({ grid }) => grid.precision === 'Q4')];
  const sites = replay.nodes.flatMap((node) => replay.site(node, 'exact') ?? []);
  const isTiny = sites.some((site) => underflows(site, 'activations'));
  const underflow = isTiny ? [[underflowRounding(F16, 1)], [underflowRounding(F16, CODES)]] : [];
  if (!isAlone(replay)) {
    // where an engine rounds in few of these places, its errors are spread otherwise than where it rounds in all
    const floats = [F16, BF16].flatMap((grid) => {
      const all = allRounding(grid);
      return [[all], [all, inputRounding(grid), sumRounding(grid, SHORT_SUM), resultRounding(grid)]];
    });
    // 4-bit blocks make errors as large as mistakes do: they have to be said, or reproduced
    const alsoOthers = others.filter(({ grid }) => grid.precision !== 'Q4');
    const each = (sources: readonly NoiseSource[]): NoiseSource[][] => sources.map((source) => [source]);
    const levels = [[allRounding(F32_GRID)], ...each(said), ...underflow, ...floats, ...each(alsoOthers)];
    return { plain: [...said, allRounding(F16), allRounding(BF16), ...others], levels, coarsest };
  }
  const longest = hasShortMantissas(replay.wrong) ? Infinity : SHORT_SUM;
  const plain = [
    ...said,
    ...[F16, TF32, BF16, ...BLOCKS].map((grid) => inputRounding(grid)),
    ...[F16, BF16].map(resultRounding),
    ...[F16, BF16].map(allRounding),
    ...[F16, BF16].flatMap((grid) => [weightRounding(grid), operandRounding(grid)]),
    ...others,
  ];
  const levels = [
    [sumRounding(F32_GRID, Infinity), inputRounding(F32_GRID)],
    [functionRounding(F32_GRID), angleRounding(F32_GRID)],
    ...underflow,
    ...[F16, BF16].map((grid) => [
      inputRounding(grid),
      sumRounding(grid, longest),
      resultRounding(grid),
      weightRounding(grid),
      operandRounding(grid),
    ]),
    ...[...BLOCKS.map((grid) => inputRounding(grid)), ...caches].map((source) => [source]),
  ];
  return { plain, levels, coarsest };
}

/** Whether one node computes what is judged; a cache write before it is a copy. */
export function isAlone({ nodes }: Replayed): boolean {
  return nodes.filter((node) => node.op !== 'SET_ROWS').length === 1;
}
