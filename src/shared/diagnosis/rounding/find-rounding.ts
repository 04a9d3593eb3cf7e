/**
 * Tells rounding from a mistake at a node whose error stands above its noise floor. First the plainest roundings are
 * replayed as they are; where one gives the candidate's very numbers that is it. Otherwise the error must be of a size
 * that rounding to some precision makes at this node, from its own inputs, and must be noise (structure.ts).
 */
import type { Random } from '../../base/random';
import { seededRandom, seedOf } from '../../base/random';
import { givesIndices } from '../../compare/index-results';
import { MARGIN, ROUNDING_NOISE } from '../../compare/tolerance';
import type { JudgedNode } from '../../divergence/examine';
import type { Precision, Rounding } from '../../divergence/rounding';
import type { Replay, Replayed } from '../replay';
import { sampledReplay } from '../sampled-replay';
import type { Site } from '../site';
import type { DeclaredCaches } from './declared-caches';
import { directionsOf } from './directions';
import { isInKeeping } from './in-keeping';
import type { NoiseSource } from './noise-source';
import type { RoundingPlan } from './rounding-plan';
import { isAlone, roundingPlan } from './rounding-plan';
import { roundingText, underflows } from './rounding-text';
import type { ErrorOfNode, NoiseSamples } from './structure';
import { structureOf } from './structure';

export type RoundingFinding =
  /** As precise as f32 can be here; the noise floor is what f32 loses. */
  | { readonly kind: 'right'; readonly noiseFloor: number }
  | { readonly kind: 'rounded'; readonly rounding: Rounding }
  /** Why it is no rounding, in a few words. */
  | { readonly kind: 'wrong'; readonly why: string };

/** Samples that decide whether an error can be of this size at all, and those that decide whether it is noise. */
const FEW = 2;
const MANY = 16;
/** Elements that are compared; whole rows, evenly over the result. */
const MOST_ELEMENTS = 1 << 16;
/** Multiples of a type's least number below which a result may vanish in it. */
const VANISHING = 4;
/** Share of the error that a plain rounding must take away to be what the rest is measured from. */
const BETTER = 0.5;

const TOO_LARGE = { kind: 'wrong', why: 'it is larger than rounding makes it here' } as const;

export interface RoundingRequest {
  readonly replay: Replay;
  readonly judged: JudgedNode;
  /** All judged nodes of the engine: a precision must be in keeping with theirs. */
  readonly all: readonly JudgedNode[];
  /** Types in which the engine says to hold its caches: then few bits may do so inside a stretch, too. */
  readonly caches?: DeclaredCaches;
}

export async function findRounding({ replay: whole, judged, all, caches }: RoundingRequest): Promise<RoundingFinding> {
  if (givesIndices(whole.end.kind)) return { kind: 'wrong', why: 'indices are not rounded' };
  const replay = sampledReplay(whole) ?? whole;
  return new RoundingSearch(replay, judged, all, caches ?? {}, replay === whole).run();
}

class RoundingSearch {
  private readonly plan: RoundingPlan;
  private readonly exact: Float32Array;
  private readonly at: Int32Array;
  private readonly random: Random;
  private readonly site: Site | undefined;

  constructor(
    private readonly replay: Replayed,
    private readonly judged: JudgedNode,
    private readonly all: readonly JudgedNode[],
    caches: DeclaredCaches,
    private readonly isWhole: boolean,
  ) {
    this.plan = roundingPlan(replay, caches);
    this.exact = replay.right('exact');
    this.at = comparedElements(replay, this.exact);
    this.random = seededRandom(seedOf(judged.node.key));
    this.site = this.end && replay.site(this.end, 'exact');
  }

  private get end(): Replayed['nodes'][number] | undefined {
    return this.replay.nodes[this.replay.nodes.length - 1];
  }

  async run(): Promise<RoundingFinding> {
    if (this.at.length === 0 || !this.site) return { kind: 'wrong', why: 'nothing finite to compare' };
    const { localNmse } = this.judged.judgement;
    if (localNmse > ROUNDING_NOISE.largest && !underflows(this.site, 'activations')) return TOO_LARGE;
    if (!isAlone(this.replay) && (await this.isBeyondAll())) return TOO_LARGE;
    const plain = await this.plainRounding();
    if (plain.found) return { kind: 'rounded', rounding: plain.found };
    const levels = this.plan.levels.filter(([source]) => source && this.isInKeeping(source));
    // what is left beside a plain rounding; then all of the error, as noise of that rounding or of another
    const { near } = plain;
    const attempts: Attempt[] = [
      ...(near ? [{ ...near, levels: [...levels.filter(isFine), [near.by]] }] : []),
      ...(near ? [{ centre: this.exact, by: near.by, levels: [[near.by]] }] : []),
      { centre: this.exact, by: undefined, levels },
    ];
    // what the finest precision of this size shows: coarser ones would have to be that, too
    let structure: string | undefined;
    for (const { centre, by, levels: tried } of attempts) {
      const error = this.differences(this.replay.wrong, centre);
      for (const level of tried) {
        const fitting = await this.fitting(level, error);
        if (fitting.length === 0) continue;
        const why = structureOf(this.errorOf(error, level), fitting);
        if (why === undefined) {
          return by ? { kind: 'rounded', rounding: this.rounding(by, false) } : this.finding(fitting, error);
        }
        structure ??= why;
      }
    }
    return structure === undefined ? TOO_LARGE : { kind: 'wrong', why: structure };
  }

  /** Whether even the coarsest rounding makes far less of it: a stretch takes long to run again. */
  private async isBeyondAll(): Promise<boolean> {
    const energy = energyOf(this.differences(this.replay.wrong, this.exact));
    for (const source of this.plan.coarsest) {
      const samples = await this.samplesOf(source, FEW);
      if (!samples || energy <= FEW * ROUNDING_NOISE.most * meanEnergy(samples)) return false;
    }
    return true;
  }

  /** The rounding that gives the candidate's numbers; else the one that comes nearest to them, if any comes near. */
  private async plainRounding(): Promise<Plain> {
    let near: Near | undefined;
    let least = BETTER * energyOf(this.differences(this.replay.wrong, this.exact));
    const limit = MARGIN.node * this.judged.judgement.noiseFloor * energyOf(this.values(this.exact));
    for (const source of this.plan.plain) {
      const centre = await this.replay.predict(source.changes(this.replay), 'exact');
      const left = energyOf(this.differences(this.replay.wrong, centre));
      if (left <= limit) return { found: this.rounding(source, true), near };
      if (left >= least) continue;
      least = left;
      near = { centre, by: source };
    }
    return { found: undefined, near };
  }

  /** What is lost below a type's range depends on the values, which are others in every layer. */
  private isInKeeping({ part, grid, isVanishing }: NoiseSource): boolean {
    if (isVanishing) return true;
    return isInKeeping(this.all, this.judged, grid.precision, part);
  }

  /** The places of a level where rounding makes errors as large as this one, with their samples. */
  private async fitting(level: readonly NoiseSource[], error: Float64Array): Promise<readonly Fitting[]> {
    const energy = energyOf(error);
    const fitting: Fitting[] = [];
    for (const source of level) {
      const few = await this.samplesOf(source, FEW);
      const first = few && energy / meanEnergy(few);
      if (first === undefined || !(first <= FEW * ROUNDING_NOISE.most)) continue;
      const more = await this.samplesOf(source, MANY - FEW);
      if (!few || !more) continue;
      const samples = [...few, ...more];
      const ratio = energy / meanEnergy(samples);
      if (ratio <= ROUNDING_NOISE.most) fitting.push({ source, ratio, samples });
    }
    return fitting;
  }

  /** Undefined where a sample is not finite: no engine rounds so and goes on. */
  private async samplesOf(source: NoiseSource, count: number): Promise<readonly Float64Array[] | undefined> {
    const samples: Float64Array[] = [];
    for (let n = 0; n < count; n++) {
      const result = await this.replay.predict(source.changes(this.replay, this.random), 'exact');
      const sample = this.differences(result, this.exact);
      if (!sample.every(Number.isFinite)) return undefined;
      samples.push(sample);
    }
    return samples;
  }

  private finding(fitting: readonly Fitting[], error: Float64Array): RoundingFinding {
    const [best] = [...fitting].sort((a, b) => Math.abs(Math.log(a.ratio)) - Math.abs(Math.log(b.ratio)));
    const source = best!.source;
    if (source.grid.precision === 'F32') {
      const most = Math.max(...fitting.map(({ samples }) => meanEnergy(samples)));
      const energy = energyOf(this.values(this.exact));
      return source.part === 'function'
        ? { kind: 'rounded', rounding: this.rounding(source, false) }
        : { kind: 'right', noiseFloor: Math.max(most, energyOf(error) / MARGIN.node) / energy };
    }
    return { kind: 'rounded', rounding: this.rounding(source, false) };
  }

  private rounding({ part, grid }: NoiseSource, reproduced: boolean): Rounding {
    const underflow = grid.precision === 'F16' && this.site !== undefined && underflows(this.site, part);
    const to: Precision = grid.precision;
    return { part, to, underflow, reproduced, text: roundingText(part, grid.name, underflow, this.end?.kind) };
  }

  private errorOf(error: Float64Array, [source]: readonly NoiseSource[]): ErrorOfNode {
    const values = this.values(this.exact);
    const base = new Float64Array(error.length).fill(
      (this.judged.judgement.noiseFloor * energyOf(values)) / error.length,
    );
    const { at, isWhole } = this;
    const ne = this.end!.ne;
    // below the least numbers of a type results vanish: an error that is the result itself, and no noise
    const vanishing = VANISHING * (source?.grid.least ?? 0);
    const isAllVanishing = source?.isVanishing === true;
    const isVanishing = values.map((x) => (isAllVanishing || Math.abs(x) < vanishing ? 1 : 0));
    const directions = directionsOf(this.exact, at, isAlone(this.replay) ? this.site : undefined);
    return { error, base, at, ne, isWhole, isVanishing, directions };
  }

  private values(of: Float32Array): Float64Array {
    return Float64Array.from(this.at, (i) => of[i]!);
  }

  private differences(a: Float32Array, b: Float32Array): Float64Array {
    return Float64Array.from(this.at, (i) => a[i]! - b[i]!);
  }
}

interface Plain {
  readonly found: Rounding | undefined;
  readonly near: Near | undefined;
}

/** A result that a plain rounding gives, next to the candidate's. */
interface Near {
  readonly centre: Float32Array;
  readonly by: NoiseSource;
}

/** The candidate's distance from a result, and the roundings that may have made it. */
interface Attempt {
  readonly centre: Float32Array;
  /** What is said of it; undefined: the rounding that fits best. */
  readonly by: NoiseSource | undefined;
  readonly levels: readonly (readonly NoiseSource[])[];
}

interface Fitting extends NoiseSamples {
  readonly source: NoiseSource;
}

/** What is left beside a plain rounding is what a fine precision leaves. */
function isFine([source]: readonly NoiseSource[]): boolean {
  return source?.grid.precision === 'F32' || source?.grid.precision === 'F16';
}

/** Elements that the candidate has and that are finite on both sides; whole rows where there are too many. */
function comparedElements({ wrong, mask, nodes }: Replayed, exact: Float32Array): Int32Array {
  const width = nodes[nodes.length - 1]?.ne[0] ?? 1;
  const stride = Math.ceil(wrong.length / Math.max(MOST_ELEMENTS, width));
  const at: number[] = [];
  for (let i = 0; i < wrong.length; i++) {
    if (Math.floor(i / width) % stride !== 0 || mask?.[i] === 0) continue;
    if (Number.isFinite(wrong[i]!) && Number.isFinite(exact[i]!)) at.push(i);
  }
  return Int32Array.from(at);
}

function energyOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return sum;
}

function meanEnergy(samples: readonly Float64Array[]): number {
  return samples.reduce((sum, sample) => sum + energyOf(sample), 0) / samples.length;
}
