import { uniform, unitVectors } from '../../helpers/values';
import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

interface Shape {
  readonly size: number;
  readonly heads: number;
  /** Of one sequence. */
  readonly tokens: number;
  readonly sequences?: number;
}

const text = ({ size, heads, tokens, sequences = 1 }: Shape): string =>
  `heads of ${size}, ${heads} heads, ${tokens} tokens, ${sequences} sequences`;

/** Vectors of all tokens of all sequences. */
function vectors(g: GgmlBench, { size, heads, tokens, sequences = 1 }: Shape, values?: Float32Array): Tensor {
  return g.f32([size, heads, tokens * sequences], values);
}

/** Between `low` and `high` for each element of `vectors`. */
function within(s: Shape, low: number, high: number, seed: number): Float32Array {
  return uniform(s.size * s.heads * s.tokens * (s.sequences ?? 1), low, high, seed);
}

const units = (s: Shape, seed: number): Float32Array =>
  unitVectors(s.size, s.heads * s.tokens * (s.sequences ?? 1), seed);

const states = (g: GgmlBench, { size, heads, sequences = 1 }: Shape): Tensor =>
  g.f32([size * size * heads, sequences], uniform(size * size * heads * sequences, -1, 1, 9));

function gla(s: Shape, scale = s.size ** -0.5): OpCase {
  return {
    kind: 'GATED_LINEAR_ATTN',
    name: `${text(s)}, scale ${scale.toPrecision(3)}`,
    build: (g) => {
      const [k, v, q] = [vectors(g, s), vectors(g, s), vectors(g, s)];
      const gate = vectors(g, s, within(s, 0.3, 1, 4));
      return g.op('ggml_gated_linear_attn', 'TTTTTf', k, v, q, gate, states(g, s), scale);
    },
  };
}

function wkv6(s: Shape): OpCase {
  return {
    kind: 'RWKV_WKV6',
    name: text(s),
    build: (g) => {
      const [k, v, r] = [vectors(g, s), vectors(g, s), vectors(g, s)];
      const decay = vectors(g, s, within(s, 0.01, 1, 5));
      return g.op('ggml_rwkv_wkv6', 'TTTTTT', k, v, r, g.f32([s.size, s.heads]), decay, states(g, s));
    },
  };
}

/** As RWKV-7 has it: a the negated key of length 1, b the same key scaled, so that the state shrinks along it. */
function wkv7(s: Shape): OpCase {
  return {
    kind: 'RWKV_WKV7',
    name: text(s),
    build: (g) => {
      const [r, k, v] = [vectors(g, s), vectors(g, s), vectors(g, s)];
      const decay = vectors(g, s, within(s, 0.5, 1, 6));
      const keys = units(s, 7);
      const a = vectors(
        g,
        s,
        keys.map((x) => -x),
      );
      const b = vectors(
        g,
        s,
        keys.map((x) => 0.7 * x),
      );
      return g.op('ggml_rwkv_wkv7', 'TTTTTTT', r, decay, k, v, a, b, states(g, s));
    },
  };
}

interface Delta extends Shape {
  readonly name?: string;
  /** Of q and k; the values have `heads`. */
  readonly keyHeads?: number;
  readonly keySequences?: number;
  /** A decay of its own for each channel (KDA). */
  readonly perChannel?: boolean;
  readonly snapshots?: number;
  readonly permuted?: boolean;
  /** q, k and v are parts of one tensor's rows. */
  readonly joined?: boolean;
  readonly decay?: readonly number[];
}

/** Keys of length 1 and β below 1, so that the state shrinks along them. */
function delta(d: Delta): OpCase {
  const name = [text(d), d.perChannel && 'per channel', d.name].filter(Boolean).join(', ');
  return { kind: 'GATED_DELTA_NET', name, build: (g) => buildDelta(g, d) };
}

function buildDelta(g: GgmlBench, d: Delta): Tensor {
  const { size, heads, tokens, sequences = 1, snapshots = 1 } = d;
  const { keyHeads = heads, keySequences = sequences } = d;
  const [q, k, v] = d.joined
    ? joinedParts(g, d)
    : ([
        heads4(g, d, keyHeads, keySequences, unitVectors(size, keyHeads * tokens * keySequences, 1)),
        heads4(g, d, keyHeads, keySequences, unitVectors(size, keyHeads * tokens * keySequences, 2)),
        heads4(g, d, heads, sequences, uniform(size * heads * tokens * sequences, -1, 1, 3)),
      ] as const);
  const cells = heads * tokens * sequences;
  const decays = d.perChannel ? size : 1;
  const decay = g.f32([decays, heads, tokens, sequences], d.decay ?? uniform(decays * cells, -2, -1e-3, 4));
  const beta = g.f32([1, heads, tokens, sequences], uniform(cells, 0, 1, 5));
  const state = g.f32([size, size, heads, sequences], uniform(size * size * heads * sequences, -1, 1, 6));
  return g.op('ggml_gated_delta_net', 'TTTTTTl', q, k, v, decay, beta, state, snapshots);
}

function heads4(g: GgmlBench, d: Delta, heads: number, sequences: number, values: Float32Array): Tensor {
  if (!d.permuted) return g.f32([d.size, heads, d.tokens, sequences], values);
  return g.permute(g.f32([d.size, d.tokens, heads, sequences], values), 0, 2, 1, 3);
}

function joinedParts(g: GgmlBench, { size, heads, tokens, sequences = 1 }: Delta): readonly [Tensor, Tensor, Tensor] {
  const width = 3 * heads * size;
  const all = g.f32([width, tokens, sequences], unitVectors(size, 3 * heads * tokens * sequences, 8));
  const part = (i: number): Tensor =>
    g.view(all, [size, heads, tokens, sequences], [4 * size, 4 * width, 4 * width * tokens], 4 * i * heads * size);
  return [part(0), part(1), part(2)];
}

/** e^g is 0 from −∞ on, and for what underflows. */
const DECAYS = [0, -0, -1e-6, -20, -86, -104, -1e30, -Infinity, 0.5];

export const LINEAR_ATTENTION: OpCases = [
  gla({ size: 64, heads: 2, tokens: 1 }),
  gla({ size: 16, heads: 3, tokens: 65 }),
  gla({ size: 128, heads: 1, tokens: 3 }),
  gla({ size: 19, heads: 2, tokens: 4, sequences: 2 }, -3),
  wkv6({ size: 64, heads: 2, tokens: 1 }),
  wkv6({ size: 16, heads: 3, tokens: 65 }),
  wkv6({ size: 128, heads: 1, tokens: 3 }),
  wkv6({ size: 19, heads: 2, tokens: 4, sequences: 2 }),
  wkv6({ size: 1, heads: 5, tokens: 3, sequences: 3 }),
  // ggml reads past the end of heads that its vectors do not divide
  wkv7({ size: 64, heads: 3, tokens: 1 }),
  wkv7({ size: 64, heads: 2, tokens: 33 }),
  wkv7({ size: 128, heads: 1, tokens: 3 }),
  wkv7({ size: 64, heads: 1, tokens: 4, sequences: 2 }),
  delta({ size: 128, heads: 2, tokens: 1 }),
  delta({ size: 64, heads: 1, tokens: 33 }),
  delta({ size: 16, heads: 3, tokens: 65 }),
  delta({ size: 31, heads: 2, tokens: 4, sequences: 2 }),
  delta({ size: 1, heads: 3, tokens: 2 }),
  delta({ size: 16, heads: 6, tokens: 3, sequences: 2, keyHeads: 2, name: 'repeated key heads' }),
  delta({ size: 16, heads: 2, tokens: 3, sequences: 4, keySequences: 2, name: 'repeated key sequences' }),
  delta({ size: 32, heads: 2, tokens: 4, sequences: 2, permuted: true, name: 'permuted' }),
  delta({ size: 16, heads: 2, tokens: 4, sequences: 2, joined: true, name: 'q, k, v in one tensor' }),
  delta({ size: 16, heads: 2, tokens: 4, sequences: 2, snapshots: 3, name: '3 states' }),
  delta({ size: 16, heads: 2, tokens: 4, snapshots: 4, name: '4 states' }),
  delta({ size: 16, heads: DECAYS.length, tokens: 1, decay: DECAYS, name: 'decays from none to all' }),
  delta({ size: 128, heads: 1, tokens: 2, perChannel: true }),
  delta({ size: 33, heads: 3, tokens: 9, sequences: 2, perChannel: true }),
  delta({ size: 16, heads: 4, tokens: 3, keyHeads: 2, perChannel: true, permuted: true, name: 'permuted' }),
  delta({ size: 16, heads: 2, tokens: 5, sequences: 2, perChannel: true, snapshots: 2, name: '2 states' }),
  delta({ size: DECAYS.length, heads: 2, tokens: 1, perChannel: true, decay: [...DECAYS, ...DECAYS], name: 'extreme' }),
];
