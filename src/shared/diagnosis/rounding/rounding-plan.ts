/** Which roundings are tried at a node, and in which order. */
import type { Precision } from '../../divergence/rounding';
import type { Replayed } from '../replay';
import { blockGrid, F32_GRID, floatGrid } from './grids';
import type { NoiseSource } from './noise-source';
import {
  allRounding,
  angleRounding,
  cacheRounding,
  functionRounding,
  inputRounding,
  isCached,
  operandRounding,
  resultRounding,
  sumRounding,
  underflowRounding,
  weightRounding,
} from './noise-source';
import { underflows } from './rounding-text';
import { hasShortMantissas } from './short-mantissas';

const [F16, BF16, TF32] = [floatGrid('F16'), floatGrid('BF16'), floatGrid('TF32')];
const BLOCKS = [blockGrid('Q8', 32), blockGrid('Q8', 0)];
/** Terms of one sum in 16 bits where the results lie on no 16-bit grid: blocks of a quantized weight are summed so. */
const SHORT_SUM = 32;
/** Elements of a block in a quantized cache. */
const CACHE_BLOCK = 32;
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
 * @param declared precisions in which the engine says to hold its caches: then they may be rounded inside a stretch, too
 */
export function roundingPlan(replay: Replayed, declared: ReadonlySet<Precision>): RoundingPlan {
  const caches = readsCache(replay) ? (['BF16', 'Q8', 'Q4'] as const).flatMap(cachesOf) : [];
  const coarsest = [allRounding(BF16), ...caches.slice(-1)];
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
    const said = caches.filter(({ grid }) => grid.precision !== 'Q4' || declared.has('Q4')).map((cache) => [cache]);
    const levels = [[allRounding(F32_GRID)], ...underflow, ...floats, ...said];
    return { plain: [allRounding(F16), allRounding(BF16), ...caches], levels, coarsest };
  }
  const longest = hasShortMantissas(replay.wrong) ? Infinity : SHORT_SUM;
  const plain = [
    ...[F16, TF32, BF16, ...BLOCKS].map((grid) => inputRounding(grid)),
    ...[F16, BF16].map(resultRounding),
    ...[F16, BF16].map(allRounding),
    ...[F16, BF16].flatMap((grid) => [weightRounding(grid), operandRounding(grid)]),
    ...caches,
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

function readsCache(replay: Replayed): boolean {
  return replay.nodes.some((node) => {
    const site = replay.site(node, 'exact');
    return site?.node.src.some((_, index) => isCached(site, index)) ?? false;
  });
}

/** Roundings of keys and values to a precision, by engines that store the scales of blocks in either way. */
function cachesOf(precision: 'BF16' | 'Q8' | 'Q4'): readonly NoiseSource[] {
  if (precision === 'BF16') return [cacheRounding(() => BF16, 'channels')];
  const scales = precision === 'Q8' ? (['F32', 'F16'] as const) : (['F16'] as const);
  return (['channels', 'tokens'] as const).flatMap((along) =>
    scales.map((scale) =>
      cacheRounding(
        ({ axis, offset }) =>
          blockGrid(precision, CACHE_BLOCK, axis, scale, along === 'channels' ? offset % CACHE_BLOCK : 0),
        along,
      ),
    ),
  );
}
