/**
 * How large the noise of sums is that are rounded on their way. A dot product Σ tₖ over K terms, added one after another
 * with relative rounding u, is off by rounding errors of its partial sums sₖ: variance u²/12 · 4 · Σ sₖ² at most. Terms of
 * either sign make sₖ² grow like k·(Σtₖ²)/K, terms of one sign like (k/K·Σtₖ)²:
 *
 *     σ² = K · ( u²/3 · ( Σtₖ²/2 + (Σtₖ)²/3 ) + η²/12 )
 *
 * where η is the distance of the least numbers of the type. Trees and tiles lose less. Σtₖ² is estimated from runs in which terms change their signs at random.
 */
import type { NodeId } from '../../base/brand';
import { seededRandom, seedOf } from '../../base/random';
import { isMatMul } from '../../graph/ggml-op';
import type { Site } from '../site';
import { evaluateChanged, isWeightSource, sourceTensor } from '../site';

/** Runs with random signs: Σtₖ² is then known to a third, which the margin of a bound allows for. */
const SIGN_RUNS = 8;

export class PartialSums {
  private readonly known = new Map<NodeId, Float32Array | undefined>();

  /**
   * @param unit relative rounding of one partial sum
   * @param longest most terms that are summed so; longer sums are made of such
   * @param least distance of the least numbers of the type
   */
  constructor(
    private readonly unit: number,
    private readonly longest: number,
    private readonly least: number,
  ) {}

  /** Standard deviation of the noise of each result; undefined where the node does not sum. */
  noiseAt(site: Site): ((i: number) => number) | undefined {
    const { id } = site.node;
    if (!this.known.has(id)) this.known.set(id, this.deviations(site));
    const found = this.known.get(id);
    return found && ((i) => found[i]!);
  }

  private deviations(site: Site): Float32Array | undefined {
    const terms = termsOf(site);
    if (terms === undefined) return undefined;
    const index = sourceWithSigns(site);
    const values = index === undefined ? undefined : site.source(index);
    if (index === undefined || !values) return undefined;
    const random = seededRandom(seedOf(site.node.key));
    const squares = new Float64Array(site.right.length);
    for (let run = 0; run < SIGN_RUNS; run++) {
      const signed = values.map((x) => (random.uniform() < 0.5 ? -x : x));
      const sums = evaluateChanged(site, { sources: new Map([[index, signed]]) });
      for (let i = 0; i < squares.length; i++) squares[i]! += sums[i]! ** 2 / SIGN_RUNS;
    }
    const [u2, n2] = [this.unit ** 2 / 3, this.least ** 2 / 12];
    const count = Math.min(terms, this.longest);
    return Float32Array.from(squares, (square, i) =>
      Math.sqrt(count * (u2 * (square / 2 + site.right[i]! ** 2 / 3) + n2)),
    );
  }
}

/** Terms of each sum of the node; undefined where it does not sum products. */
function termsOf(site: Site): number | undefined {
  return isMatMul(site.node.kind) ? sourceTensor(site, 1)?.ne[0] : undefined;
}

/** The source of the products that is no weight. */
function sourceWithSigns(site: Site): number | undefined {
  return [1, 0].find((index) => !isWeightSource(site, index) && site.source(index) !== undefined);
}
