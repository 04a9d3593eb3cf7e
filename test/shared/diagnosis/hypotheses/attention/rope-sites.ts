/** ROPE sites, and rotation once more by complex numbers: independent of the hypotheses and of the reference. */
import type { Dims, Graph, GraphTensor } from '../../../../../src/shared/graph/graph';
import { tensorOf } from '../../../../../src/shared/graph/graph';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import { f32Bytes, GraphBuilder, weightsOf } from '../../../ops/graph-builder';
import { floatBits } from '../../../ops/op-helpers';
import { siteOf } from '../../try-hypothesis';
import { spread } from './planted';

export interface RopeSpec {
  readonly channels?: number;
  readonly dims?: number;
  readonly heads?: number;
  readonly mode?: number;
  readonly base?: number;
  readonly scale?: number;
  readonly ext?: number;
  readonly attn?: number;
  readonly context?: number;
  readonly sections?: readonly [number, number, number, number];
  readonly positions?: readonly number[];
  readonly factors?: readonly number[];
  /** Other parameters of a second ROPE in the graph. */
  readonly other?: RopeSpec;
}

function paramsOf(r: RopeSpec): number[] {
  const floats = [r.base ?? 10000, r.scale ?? 1, r.ext ?? 0, r.attn ?? 1, 32, 1].map(floatBits);
  const dims = r.dims ?? r.channels ?? 16;
  return [0, dims, r.mode ?? 0, 0, r.context ?? 64, ...floats, ...(r.sections ?? [0, 0, 0, 0]), 0];
}

export const POSITIONS = [0, 1, 2, 5, 9, 30, 31];

export interface RopeSite {
  readonly site: Site;
  readonly x: Float32Array;
  readonly ne: Dims;
}

export function ropeSite(r: RopeSpec): RopeSite {
  const positions = Float32Array.from(r.positions ?? POSITIONS);
  const tokens = r.sections ? positions.length / 4 : positions.length;
  const ne: Dims = [r.channels ?? 16, r.heads ?? 3, tokens, 1];
  const b = new GraphBuilder();
  const x = b.node('x', 'ADD', ne, []);
  const pos = b.leaf('input', 'pos', [positions.length, 1, 1, 1], 'I32');
  const factors = r.factors && b.leaf('weight', 'factors', [r.factors.length, 1, 1, 1]);
  const id = b.node('q', 'ROPE', ne, factors === undefined ? [x, pos] : [x, pos, factors], { params: paramsOf(r) });
  if (r.other) b.node('other', 'ROPE', ne, [x, pos], { params: paramsOf(r.other) });
  const graph: Graph = b.build();
  const node: GraphTensor = tensorOf(graph, id);
  const values = spread(ne[0] * ne[1] * ne[2], 7);
  const weights = weightsOf(
    r.factors ? { factors: { type: 'F32', ne: [r.factors.length, 1, 1, 1], bytes: f32Bytes(r.factors) } } : {},
  );
  return { site: siteOf({ graph, node, weights, sources: [values, positions] }), x: values, ne };
}

/** Which two channels pair `i` of `n` turns. */
export type PairOf = (i: number, n: number) => readonly [number, number];
export const adjacent: PairOf = (i) => [2 * i, 2 * i + 1];
export const halves: PairOf = (i, n) => [i, i + n / 2];

export interface Turning {
  readonly pair: PairOf;
  readonly dims: number;
  readonly first?: number;
  readonly angle: (i: number, token: number, head: number) => number;
  readonly magnitude?: number;
}

/** z ↦ m·z·e^{iθ}, pair by pair. */
export function turned(x: Float32Array, ne: Dims, t: Turning): Float32Array {
  const out = x.slice();
  for (let row = 0; row < ne[1] * ne[2]; row++) {
    const start = row * ne[0] + (t.first ?? 0);
    for (let i = 0; i < t.dims / 2; i++) {
      const [a, b] = t.pair(i, t.dims);
      const radius = Math.hypot(x[start + a]!, x[start + b]!) * (t.magnitude ?? 1);
      const angle = Math.atan2(x[start + b]!, x[start + a]!) + t.angle(i, Math.floor(row / ne[1]), row % ne[1]);
      out[start + a] = radius * Math.cos(angle);
      out[start + b] = radius * Math.sin(angle);
    }
  }
  return out;
}

/** position × base^(−2i/n). */
export function plainAngle(
  dims: number,
  base = 10000,
  positionOf: (token: number) => number = (t) => POSITIONS[t]!,
): Turning['angle'] {
  return (i, token) => positionOf(token) / base ** ((2 * i) / dims);
}
