import { uniform } from '../../helpers/values';
import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

/** A convolution over `tokens` tokens and the `taps` − 1 before them. @param gap channels between two sequences */
function conv(taps: number, channels: number, tokens: number, sequences = 1, gap = 0): OpCase {
  const shape = `${taps} taps, ${channels} channels, ${tokens} tokens, ${sequences} sequences`;
  return {
    kind: 'SSM_CONV',
    name: gap === 0 ? shape : `${shape}, gaps between sequences`,
    build: (g) => {
      const time = taps - 1 + tokens;
      const all = g.f32([time, channels + gap, sequences]);
      const row = 4 * time;
      const x = gap === 0 ? all : g.view(all, [time, channels, sequences], [row, row * (channels + gap)], row);
      return g.op('ggml_ssm_conv', 'TT', x, g.f32([taps, channels]));
    },
  };
}

interface Scan {
  readonly name: string;
  readonly size: number;
  readonly channels: number;
  readonly heads: number;
  readonly groups?: number;
  readonly tokens: number;
  readonly sequences?: number;
  /** First state of each sequence, out of `slots`. */
  readonly ids?: readonly number[];
  readonly slots?: number;
  readonly snapshots?: number;
  /** Each state decays in its own way: Mamba-1. */
  readonly mamba1?: boolean;
  readonly dt?: readonly number[];
  /** x, B and C are parts of one tensor's rows, as llama.cpp's graph has them. */
  readonly joined?: boolean;
  readonly zeroStates?: boolean;
}

function scan(s: Scan): OpCase {
  return { kind: 'SSM_SCAN', name: s.name, build: (g) => buildScan(g, s) };
}

function buildScan(g: GgmlBench, s: Scan): Tensor {
  const { size, channels, heads, tokens, groups = 1, sequences = 1, snapshots = 1 } = s;
  const { slots = sequences, ids = Array.from({ length: sequences }, (_, i) => i) } = s;
  const stateNe = [size, channels, heads, slots];
  const stateCount = size * channels * heads * slots;
  const states = g.f32(stateNe, s.zeroStates ? new Float32Array(stateCount) : uniform(stateCount, -1, 1, 2));
  // softplus from e^-6 to 3: from hardly any step to a large one
  const dtCount = heads * tokens * sequences;
  const dt = g.f32([heads, tokens, sequences], s.dt ?? uniform(dtCount, -6, 3, 3));
  const decays = s.mamba1 ? size : 1;
  const a = g.f32([decays, heads], uniform(decays * heads, -2, -0.01, 4));
  const parts = s.joined ? joinedParts(g, s) : separateParts(g, s, groups);
  const slotOf = g.i32([sequences], ids);
  return g.op('ggml_ssm_scan', 'TTTTTTTl', states, parts.x, dt, a, parts.b, parts.c, slotOf, snapshots);
}

interface Parts {
  readonly x: Tensor;
  readonly b: Tensor;
  readonly c: Tensor;
}

function separateParts(g: GgmlBench, { size, channels, heads, tokens, sequences = 1 }: Scan, groups: number): Parts {
  const ne = [size, groups, tokens, sequences];
  return { x: g.f32([channels, heads, tokens, sequences]), b: g.f32(ne), c: g.f32(ne) };
}

function joinedParts(g: GgmlBench, s: Scan): Parts {
  const { size, channels, heads, tokens, groups = 1, sequences = 1 } = s;
  const inner = channels * heads;
  const width = inner + 2 * groups * size;
  const all = g.f32([width, tokens, sequences]);
  const outer = [4 * width, 4 * width * tokens];
  const vectors = [size, groups, tokens, sequences];
  return {
    x: g.view(all, [channels, heads, tokens, sequences], [4 * channels, ...outer]),
    b: g.view(all, vectors, [4 * size, ...outer], 4 * inner),
    c: g.view(all, vectors, [4 * size, ...outer], 4 * (inner + groups * size)),
  };
}

/** Where softplus turns into its argument, and where 1 + e^x rounds to 1. */
const EDGES = [-200, -88, -30, -17, -16, -1e-3, 0, 1e-3, 1, 19.999, 20, 20.001, 25];

export const SSM: OpCases = [
  conv(4, 37, 1),
  conv(4, 65, 9, 2),
  conv(3, 1, 33),
  conv(9, 5, 3, 3),
  conv(1, 7, 4),
  conv(4, 5, 0),
  conv(4, 6, 5, 2, 3),
  scan({ name: 'Mamba-1, one token', size: 16, channels: 1, heads: 67, tokens: 1, mamba1: true }),
  scan({ name: 'Mamba-1, tokens, sequences', size: 16, channels: 1, heads: 33, tokens: 9, sequences: 2, mamba1: true }),
  scan({ name: 'Mamba-1, ragged, channels', size: 5, channels: 3, heads: 4, groups: 2, tokens: 4, mamba1: true }),
  scan({ name: 'Mamba-1, one state', size: 1, channels: 2, heads: 3, tokens: 3, mamba1: true }),
  scan({ name: 'Mamba-2, one token', size: 128, channels: 64, heads: 2, tokens: 1 }),
  scan({ name: 'Mamba-2, groups, sequences', size: 64, channels: 7, heads: 6, groups: 3, tokens: 5, sequences: 2 }),
  scan({ name: 'Mamba-2, many tokens', size: 32, channels: 8, heads: 4, groups: 2, tokens: 65 }),
  scan({ name: 'Mamba-2, ragged states', size: 67, channels: 3, heads: 2, tokens: 3 }),
  scan({ name: 'from zero states', size: 16, channels: 4, heads: 2, tokens: 3, zeroStates: true }),
  scan({
    name: 'x, B and C in one tensor',
    ...{ size: 16, channels: 8, heads: 4, groups: 2, tokens: 5, sequences: 2, joined: true },
  }),
  scan({
    name: 'states from other slots',
    ...{ size: 16, channels: 4, heads: 3, tokens: 3, sequences: 3, slots: 5, ids: [4, 0, 2] },
  }),
  scan({
    name: 'two sequences from one slot, Mamba-1',
    ...{ size: 8, channels: 1, heads: 9, tokens: 2, sequences: 2, slots: 3, ids: [1, 1], mamba1: true },
  }),
  scan({ name: 'states of the last three tokens', size: 16, channels: 4, heads: 3, tokens: 5, snapshots: 3 }),
  scan({
    name: 'states of all tokens, two sequences',
    ...{ size: 16, channels: 4, heads: 4, groups: 2, tokens: 4, sequences: 2, ids: [1, 0], snapshots: 4 },
  }),
  scan({ name: 'edges of softplus', size: 16, channels: 3, heads: EDGES.length, tokens: 1, dt: EDGES }),
  scan({ name: 'edges, Mamba-1', size: 16, channels: 1, heads: EDGES.length, tokens: 1, dt: EDGES, mamba1: true }),
];
