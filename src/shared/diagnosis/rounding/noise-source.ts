/**
 * Where an engine rounds, as changes of a replay: a run with values on their way taken to one of their neighbours on a
 * grid at random. Many such runs show what rounding there can make of the result, through whatever comes after; known as
 * Monte Carlo arithmetic (D. S. Parker 1997; Verificarlo).
 */
import type { NodeId } from '../../base/brand';
import type { Random } from '../../base/random';
import type { RoundedPart } from '../../divergence/rounding';
import type { Dims, GraphTensor } from '../../graph/graph';
import { isStateWrite } from '../../graph/graph';
import type { OpKind } from '../../graph/ggml-op';
import { floatParam } from '../../ops/op';
import type { DecoderFor } from '../../ops/operand';
import type { DequantizeBlocks } from '../../quant/format';
import { QUANT_FORMATS, supportedFormat } from '../../quant/registry';
import { withFloatParam } from '../hypotheses/op-params';
import type { Prediction, Replayed } from '../replay';
import type { Site } from '../site';
import { evaluateChanged, isWeightSource, sourceTensor } from '../site';
import type { Grid } from './grids';
import { PartialSums } from './partial-sums-noise';

/** One place where values are rounded, on one grid. */
export interface NoiseSource {
  readonly part: RoundedPart;
  readonly grid: Grid;
  /** Whether what it rounds may be lost altogether: an error that is the result itself is no structure then. */
  readonly isVanishing?: boolean;
  /** The changes of one run: rounded to the nearest where `random` is absent. */
  changes(replay: Replayed, random?: Random): ReadonlyMap<NodeId, Prediction>;
}

/** The least that can be told apart from zero in a function computed by way of another one, relative to its own scale. */
const FUNCTION_UNIT = 2 ** -22;

/** Functions that some engines compute by way of exponentials, and the size of what cancels there. */
const FUNCTION_SCALE: Partial<Readonly<Record<OpKind, (x: number) => number>>> = {
  TANH: () => 1,
  SIGMOID: () => 1,
  EXPM1: () => 1,
  SOFTPLUS: () => 1,
  ELU: () => 1,
  GELU: Math.abs,
  GELU_ERF: Math.abs,
  GELU_QUICK: Math.abs,
  SILU: Math.abs,
};

/** Inputs that are no weights. */
export function inputRounding(grid: Grid): NoiseSource {
  return everywhere('activations', grid, inputsRounded(grid));
}

/**
 * A node's result where something is rounded; undefined where nothing is there to round.
 * @param asIs its result where nothing is
 */
export type Rounded = (site: Site, random: Random | undefined, asIs: () => Float32Array) => Float32Array | undefined;

function inputsRounded(grid: Grid): Rounded {
  return (site, random) =>
    withSources(
      site,
      inputsOf(site, (values, ne) => rounded(grid, values, ne, random)),
    );
}

/** Other values for the float sources of a node that are no weights; those that `change` leaves undefined stay. */
export function inputsOf(
  site: Site,
  change: (values: Float32Array, ne: Dims, index: number) => Float32Array | undefined,
): ReadonlyMap<number, Float32Array> {
  const sources = new Map<number, Float32Array>();
  site.node.src.forEach((_, index) => {
    const t = sourceTensor(site, index);
    if (!t || QUANT_FORMATS[t.type].family !== 'float' || isWeightSource(site, index)) return;
    const values = site.source(index);
    const changed = values && change(values, t.ne, index);
    if (changed) sources.set(index, changed);
  });
  return sources;
}

export function withSources(site: Site, sources: ReadonlyMap<number, Float32Array>): Float32Array | undefined {
  return sources.size === 0 ? undefined : evaluateChanged(site, { sources });
}

export function resultRounding(grid: Grid): NoiseSource {
  return everywhere('results', grid, (site, random, asIs) => rounded(grid, asIs(), site.node.ne, random));
}

/** All of them in one: for a stretch, inside which nobody knows which. */
export function allRounding(grid: Grid): NoiseSource {
  const sums = new PartialSums(grid.unit, Infinity, grid.least);
  const inputs = inputsRounded(grid);
  return everywhere('activations', grid, (site, random, asIs) => {
    const result = inputs(site, random, asIs) ?? asIs();
    const noise = random && sums.noiseAt(site);
    const summed = noise ? result.map((x, i) => x + noise(i) * random.normal()) : result;
    return rounded(grid, summed, site.node.ne, random);
  });
}

/** Weights, rounded as they are dequantized or read. */
export function weightRounding(grid: Grid): NoiseSource {
  return everywhere('weights', grid, (site, random) => {
    const decoderFor = roundedWeights(site, grid, random);
    return decoderFor && evaluateChanged(site, { decoderFor });
  });
}

/** Both sides of every product. */
export function operandRounding(grid: Grid): NoiseSource {
  return everywhere('activations', grid, (site, random) => {
    const decoderFor = roundedWeights(site, grid, random);
    const sources = inputsOf(site, (values, ne) => rounded(grid, values, ne, random));
    return decoderFor && sources.size > 0 ? evaluateChanged(site, { decoderFor, sources }) : undefined;
  });
}

function roundedWeights(site: Site, grid: Grid, random: Random | undefined): DecoderFor | undefined {
  const index = site.node.src.findIndex((_, i) => isWeightSource(site, i));
  const type = index < 0 ? undefined : sourceTensor(site, index)?.type;
  if (!type || type === grid.precision) return undefined;
  const { dequantize, blockElements } = supportedFormat(type);
  const decoder: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
    dequantize(src, srcOffset, blocks, dst, dstOffset);
    const count = blocks * blockElements;
    const exact = Float32Array.from(dst.subarray(dstOffset, dstOffset + count));
    dst.set(rounded(grid, exact, [count, 1, 1, 1], random), dstOffset);
  };
  return (of) => (of === type ? decoder : supportedFormat(of).dequantize);
}

/**
 * Activations that lie below the normal numbers of F16, as an engine holds them that computes in it: known to within half
 * of F16's least number, whatever their size. (8-bit blocks carry a scale and a sum in F16 that vanish on their own: where
 * weights have an offset, what is left is larger than the activations are.)
 * @param codes largest code of 8-bit blocks whose scales are kept in F16: that many times as far; 1 for plain F16
 */
export function underflowRounding(grid: Grid, codes: number): NoiseSource {
  const source = everywhere('activations', grid, (site, random) => {
    if (!random) return undefined;
    const noise = (): number => codes * grid.least * (random.uniform() - 0.5);
    return withSources(
      site,
      inputsOf(site, (values) => values.map((x) => x + noise())),
    );
  });
  return { ...source, isVanishing: true };
}

/** How far GPUs' powers are off: log2 to 2^-21, times half the dimensions, in the exponent of RoPE's frequencies. */
const BASE_UNIT = 2 ** -16;
/** Index of RoPE's base in its op_params. */
const FREQ_BASE = 5;

/** RoPE's angles by another way to powers than ggml's CPU: all frequencies off as by another base, next to the right one. */
export function angleRounding(grid: Grid): NoiseSource {
  return everywhere('function', grid, (site, random) => {
    if (site.node.kind !== 'ROPE' || !random) return undefined;
    const { opParams } = site.node;
    const base = floatParam(opParams, FREQ_BASE) * (1 + BASE_UNIT * random.normal());
    return evaluateChanged(site, { opParams: withFloatParam(opParams, FREQ_BASE, base) });
  });
}

/** Products and partial sums of dot products, as independent noise of the size that sums in any order have. */
export function sumRounding(grid: Grid, longest: number): NoiseSource {
  const sums = new PartialSums(grid.unit, longest, grid.least);
  return everywhere('sums', grid, (site, random, asIs) => {
    const noise = random && sums.noiseAt(site);
    if (!noise) return undefined;
    return asIs().map((x, i) => x + noise(i) * random.normal());
  });
}

/** An elementary function by another formula: absolute noise of f32 where the formula cancels. */
export function functionRounding(grid: Grid): NoiseSource {
  return everywhere('function', grid, (site, random, asIs) => {
    const scaleOf = FUNCTION_SCALE[site.node.kind];
    const x = scaleOf && random && site.source(0);
    if (!x) return undefined;
    // at 0 nothing cancels: what goes in comes out
    return asIs().map((y, i) => (x[i] ? y + FUNCTION_UNIT * scaleOf(x[i]) * random.normal() : y));
  });
}

/** The change at every node of a replay where `run` gives a result. */
export function everywhere(part: RoundedPart, grid: Grid, run: Rounded): NoiseSource {
  return {
    part,
    grid,
    changes: (replay, random) => {
      const at = replay.nodes.filter((node) => isRounding(replay, node));
      // where one node is all that changes, its inputs are the right ones, and so is its result
      const asIs = (site: Site): Float32Array => (at.length === 1 ? site.right : evaluateChanged(site, {}));
      return new Map(at.map((node) => [node.id, (site: Site) => run(site, random, () => asIs(site)) ?? asIs(site)]));
    },
  };
}

/** Cache writes are copies: their rows were rounded before, or are where they are read. */
function isRounding(replay: Replayed, node: GraphTensor): boolean {
  const site = replay.site(node, 'exact');
  return site !== undefined && !isStateWrite(site.graph, node) && node.op !== 'SET_ROWS';
}

export function rounded(grid: Grid, values: Float32Array, ne: Dims, random: Random | undefined): Float32Array {
  return random ? grid.dithered(values, ne, random) : grid.nearest(values, ne);
}
