/**
 * Attention with a state of fixed size: per head a square matrix, which each token of a sequence decays, adds to and
 * reads. Source: `ggml_gated_linear_attn`, `ggml_rwkv_wkv6`, `ggml_rwkv_wkv7`, `ggml_gated_delta_net` in ggml.c and
 * their `ggml_compute_forward_*_f32` in ggml-cpu/ops.cpp.
 *
 * Result, rows of S·H values: y [S, head, token, sequence], then the matrices [S, S, head, sequence] after each
 * sequence's last token (GATED_DELTA_NET: K times, after the last token, after the one before it, …).
 *
 * `exact`: all in f64, the matrices too, which are carried from token to token unrounded. `ggml`: every product and every
 * element of a matrix rounded to f32, as are sums once they are complete; sums run in f64.
 */
import type { Dims } from '../graph/graph';
import type { Intermediates } from './arithmetic';
import { intermediateRounding, intermediates } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, floatParam, intParam, needDecodable, needExtents, needFloatResult, needResult, sourceOf } from './op';
import { gatherF32 } from './operand';
import { needSnapshots } from './ssm';
import { dimsText } from './tensor-shape';

interface Extents {
  /** S: rows and columns of a head's matrix. */
  readonly size: number;
  readonly heads: number;
  /** Of one sequence. */
  readonly tokens: number;
  readonly sequences: number;
  /** K: states that are returned. */
  readonly snapshots: number;
}

/** Where a step stands. */
interface Place {
  readonly head: number;
  /** Within the sequence. */
  readonly token: number;
  readonly sequence: number;
  /** First element of the head's vector in sources [S, head, token, sequence]. */
  readonly at: number;
}

/** One token of one head: advances the head's matrix and fills in y. */
type Step = (matrix: Intermediates, place: Place, y: Float64Array) => void;

/** Walks every head through the tokens of every sequence. @param first the matrices before the first token */
function recur(call: OpCall, extents: Extents, first: Float32Array, step: Step): void {
  const { size, heads, tokens, sequences, snapshots } = extents;
  const [width, rows] = call.dst.ne;
  const area = size * size;
  const out = new Float32Array(width * rows);
  const states = size * heads * tokens * sequences;
  const y = new Float64Array(size);
  const matrix = intermediates(call.arithmetic, area);
  for (let sequence = 0; sequence < sequences; sequence++) {
    for (let head = 0; head < heads; head++) {
      const which = sequence * heads + head;
      matrix.set(first.subarray(which * area, (which + 1) * area));
      for (let token = 0; token < tokens; token++) {
        const at = ((sequence * tokens + token) * heads + head) * size;
        step(matrix, { head, token, sequence, at }, y);
        out.set(y, at);
        const back = tokens - 1 - token;
        if (back < snapshots) out.set(matrix, states + (back * sequences * heads + which) * area);
      }
    }
  }
  for (let i = 0; i < rows; i++) call.dst.writeRow(i, 0, 0, out, i * width);
}

const product = (ne: Dims): number => ne[0] * ne[1] * ne[2] * ne[3];

function resultExtents({ size, heads, tokens, sequences, snapshots }: Extents): Dims {
  return [size * heads, sequences * (tokens + snapshots * size), 1, 1];
}

/** Of the ops whose sequences lie one after another in the dimension of tokens; the state's dimension 1 counts them. */
function joinedExtents(node: Pick<OpShape, 'src'>, stateIndex: number): Extents {
  const [size, heads, all] = node.src[0]?.ne ?? [0, 0, 0];
  const sequences = node.src[stateIndex]?.ne[1] ?? 0;
  return { size, heads, tokens: all / sequences, sequences, snapshots: 1 };
}

/** @param vectors sources that are [S, head, token] each @param stateIndex the source that holds the first matrices */
function joinedCheck(vectors: readonly number[], stateIndex: number): (node: OpShape) => string | undefined {
  return (node) => {
    const first = node.src[0];
    const state = node.src[stateIndex];
    if (!first || !state) return 'a source is missing';
    const extents = joinedExtents(node, stateIndex);
    const { size, heads, tokens, sequences } = extents;
    return firstOf(
      ...node.src.map((s, i) => s && needDecodable(node, i)),
      ...vectors.map((i) => needExtents(node, i, [size, heads, first.ne[2], 1])),
      product(state.ne) !== size * size * heads * sequences &&
        `states of ${dimsText(state.ne)} for ${heads} heads of ${size} × ${size} in ${sequences} sequences`,
      (!Number.isInteger(tokens) || tokens === 0) && `${first.ne[2]} tokens in ${sequences} sequences`,
      needFloatResult(node),
      needResult(node, resultExtents(extents)),
    );
  };
}

function gatherAll(call: OpCall): readonly Float32Array[] {
  return call.src.map((source) => (source ? gatherF32(source) : new Float32Array(0)));
}

/**
 * S[i][j] = S[i][j] · g[i] + k[i] · v[j],   y[j] = Σ_i S[i][j] · (q[i] · scale)
 * Sources: k, v, q, g [S, head, token], S. op_params[0]: scale.
 */
export const GATED_LINEAR_ATTN_OP: InlineOp = {
  how: 'inline',
  check: joinedCheck([0, 1, 2, 3], 4),
  compute: (call) => {
    const [k, v, q, g, first] = gatherAll(call) as Arrays;
    const extents = joinedExtents(call, 4);
    const { size } = extents;
    const scale = floatParam(call.opParams, 0);
    const r = intermediateRounding(call.arithmetic);
    const [kept, added] = scratchRows(call, size);
    recur(call, extents, first, (matrix, { at }, y) => {
      y.fill(0);
      for (let i = 0; i < size; i++) {
        const row = matrix.subarray(i * size, (i + 1) * size);
        const [ki, gi, qi] = [k[at + i] as number, g[at + i] as number, r((q[at + i] as number) * scale)];
        for (let j = 0; j < size; j++) {
          kept[j] = (row[j] as number) * gi;
          added[j] = ki * (v[at + j] as number);
          row[j] = (kept[j] as number) + (added[j] as number);
          y[j] = (y[j] as number) + (row[j] as number) * qi;
        }
      }
    });
  },
};

/**
 * y[j] = Σ_i r[i] · (tf[i] · k[i] v[j] + S[i][j]),   S[i][j] = S[i][j] · td[i] + k[i] · v[j]
 * Sources: k, v, r [S, head, token], tf (S · heads values), td [S, head, token], S.
 */
export const RWKV_WKV6_OP: InlineOp = {
  how: 'inline',
  check: (node) => firstOf(joinedCheck([0, 1, 2, 4], 5)(node), needBonus(node)),
  compute: (call) => {
    const [k, v, receptance, tf, td, first] = gatherAll(call) as Arrays;
    const extents = joinedExtents(call, 5);
    const { size } = extents;
    const [kept, added, given] = scratchRows(call, size);
    recur(call, extents, first, (matrix, { at, head }, y) => {
      y.fill(0);
      for (let i = 0; i < size; i++) {
        const row = matrix.subarray(i * size, (i + 1) * size);
        const [ki, ri] = [k[at + i] as number, receptance[at + i] as number];
        const [bonus, decay] = [tf[head * size + i] as number, td[at + i] as number];
        for (let j = 0; j < size; j++) {
          added[j] = ki * (v[at + j] as number);
          given[j] = (added[j] as number) * bonus;
          given[j] = (given[j] as number) + (row[j] as number);
          y[j] = (y[j] as number) + (given[j] as number) * ri;
          kept[j] = (row[j] as number) * decay;
          row[j] = (kept[j] as number) + (added[j] as number);
        }
      }
    });
  },
};

function needBonus(node: OpShape): string | undefined {
  const [k, , , tf] = node.src;
  if (!k || !tf) return 'source 3 is missing';
  const expected = k.ne[0] * k.ne[1];
  return product(tf.ne) === expected ? undefined : `source 3 is ${dimsText(tf.ne)}; ${expected} values are expected`;
}

/**
 * c = Σ_j a[j] · S[i][j],   S[i][j] = S[i][j] · w[j] + v[i] · k[j] + c · b[j],   y[i] = Σ_j S[i][j] · r[j]
 * Sources: r, w, k, v, a, b [S, head, token], S.
 */
export const RWKV_WKV7_OP: InlineOp = {
  how: 'inline',
  check: joinedCheck([0, 1, 2, 3, 4, 5], 6),
  compute: (call) => {
    const [receptance, w, k, v, a, b, first] = gatherAll(call) as Arrays;
    const extents = joinedExtents(call, 6);
    const { size } = extents;
    const r = intermediateRounding(call.arithmetic);
    const [kept, added] = scratchRows(call, size);
    recur(call, extents, first, (matrix, { at }, y) => {
      for (let i = 0; i < size; i++) {
        const row = matrix.subarray(i * size, (i + 1) * size);
        const c = r(dot(row, a, at));
        const vi = v[at + i] as number;
        for (let j = 0; j < size; j++) {
          kept[j] = (row[j] as number) * (w[at + j] as number);
          added[j] = vi * (k[at + j] as number);
          kept[j] = (kept[j] as number) + (added[j] as number);
          added[j] = c * (b[at + j] as number);
          row[j] = (kept[j] as number) + (added[j] as number);
        }
        y[i] = dot(row, receptance, at);
      }
    });
  },
};

/**
 * M[j][i] = M[j][i] · e^g[i],   d[j] = (v[j] − Σ_i M[j][i] · k[i]) · β
 * M[j][i] = M[j][i] + d[j] · k[i],   y[j] = Σ_i M[j][i] · q[i] / √S
 *
 * Sources: q, k, v [S, head, token, sequence], where the heads of q and k repeat as a whole and their sequences one by
 * one; g [1 or S, head, token, sequence], β [1, head, token, sequence], M [S, S, head, sequence]. op_params[0]: K.
 */
export const GATED_DELTA_NET_OP: InlineOp = { how: 'inline', check: checkDeltaNet, compute: deltaNet };

function deltaExtents(node: Pick<OpShape, 'src' | 'opParams'>): Extents {
  const [size, heads, tokens, sequences] = node.src[2]?.ne ?? [0, 0, 0, 0];
  return { size, heads, tokens, sequences, snapshots: intParam(node.opParams, 0) };
}

function checkDeltaNet(node: OpShape): string | undefined {
  const [q, k, v, g] = node.src;
  if (!q || !k || !v || !g) return 'a source is missing';
  const extents = deltaExtents(node);
  const { size, heads, tokens, sequences, snapshots } = extents;
  return firstOf(
    ...node.src.map((s, i) => s && needDecodable(node, i)),
    ...[q, k].map((s, i) => {
      const fits = s.ne[0] === size && s.ne[2] === tokens && s.ne[1] > 0 && sequences % s.ne[3] === 0;
      return !fits && `source ${i} ${dimsText(s.ne)} does not fit values of ${dimsText(v.ne)}`;
    }),
    needExtents(node, 3, [g.ne[0] === 1 ? 1 : size, heads, tokens, sequences]),
    needExtents(node, 4, [1, heads, tokens, sequences]),
    needExtents(node, 5, [size, size, heads, sequences]),
    needSnapshots(snapshots, tokens),
    needFloatResult(node),
    needResult(node, resultExtents(extents)),
  );
}

function deltaNet(call: OpCall): void {
  const [q, k, v, g, beta, first] = gatherAll(call) as Arrays;
  const extents = deltaExtents(call);
  const { size, heads, tokens } = extents;
  const r = intermediateRounding(call.arithmetic);
  const decays = sourceOf(call, 3).ne[0];
  const scale = r(1 / r(Math.sqrt(size)));
  const startIn = [0, 1].map((i) => vectorsOf(sourceOf(call, i).ne, extents));
  const [startOfQ, startOfK] = startIn as [ReturnType<typeof vectorsOf>, ReturnType<typeof vectorsOf>];
  const [decay, added] = scratchRows(call, size);
  recur(call, extents, first, (matrix, place, y) => {
    const cell = (place.sequence * tokens + place.token) * heads + place.head;
    const [qAt, kAt] = [startOfQ(place), startOfK(place)];
    for (let i = 0; i < size; i++) decay[i] = Math.exp(g[cell * decays + (i % decays)] as number);
    for (let j = 0; j < size; j++) {
      const row = matrix.subarray(j * size, (j + 1) * size);
      for (let i = 0; i < size; i++) row[i] = (row[i] as number) * (decay[i] as number);
      const missing = r((v[place.at + j] as number) - r(dot(row, k, kAt)));
      const d = r(missing * (beta[cell] as number));
      for (let i = 0; i < size; i++) {
        added[i] = d * (k[kAt + i] as number);
        row[i] = (row[i] as number) + (added[i] as number);
      }
      y[j] = r(dot(row, q, qAt)) * scale;
    }
  });
}

/** Finds the vector of q or k that a head uses. */
function vectorsOf([size, heads, tokens, sequences]: Dims, { sequences: all }: Extents): (place: Place) => number {
  return ({ head, token, sequence }) => {
    const from = Math.floor(sequence / (all / sequences));
    return ((from * tokens + token) * heads + (head % heads)) * size;
  };
}

type Arrays = readonly [
  Float32Array,
  Float32Array,
  Float32Array,
  Float32Array,
  Float32Array,
  Float32Array,
  Float32Array,
];

/** Rows for intermediate results of a step. */
function scratchRows(call: OpCall, size: number): readonly [Intermediates, Intermediates, Intermediates] {
  const row = (): Intermediates => intermediates(call.arithmetic, size);
  return [row(), row(), row()];
}

/** Σ row[i] · x[at + i], in f64, i ascending. */
function dot(row: Intermediates, x: Float32Array, at: number): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += (row[i] as number) * (x[at + i] as number);
  return sum;
}
