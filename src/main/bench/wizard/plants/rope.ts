/** Rope gone wrong: rows 25 to 29, positions and bases; written from ggml_compute_forward_rope. */
import { f32FromBits } from '../../../../shared/base/float-bits';
import type { GraphTensor } from '../../../../shared/graph/graph';
import type { EnginePlant, Mutation, Site, Turn } from '../plant';
import { plantAt } from '../plant';

interface RopeSettings {
  /** Pairs the two halves; neighbours otherwise. */
  halves: boolean;
  channels: number;
  base: number;
  scale: number;
  extrapolation: number;
  magnitude: number;
  contextBefore: number;
  betaFast: number;
  betaSlow: number;
  positions: Float32Array;
  factors: Float32Array | undefined;
  /** What becomes of channels that are not turned. */
  rest: 'kept' | 'zero';
  /** Of angles, sines and cosines. */
  round: (x: number) => number;
}

const NEOX = 2;

export function ropeSettings(turn: Turn): RopeSettings {
  const p = turn.tensor.opParams;
  const float = (index: number): number => f32FromBits(p[index] ?? 0);
  return {
    halves: ((p[2] ?? 0) & NEOX) !== 0,
    channels: p[1] ?? 0,
    base: float(5),
    scale: float(6),
    extrapolation: float(7),
    magnitude: float(8),
    contextBefore: p[4] ?? 0,
    betaFast: float(9),
    betaSlow: float(10),
    positions: turn.source(1),
    factors: turn.tensor.src[2] === undefined ? undefined : turn.source(2),
    rest: 'kept',
    round: (x) => x,
  };
}

/** Turns x [channels, heads, tokens]. */
export function rope(x: Float32Array, [width, heads, tokens]: readonly number[], s: RopeSettings): Float32Array {
  const out = s.rest === 'zero' ? new Float32Array(x.length) : Float32Array.from(x);
  const half = s.channels / 2;
  for (let t = 0; t < (tokens ?? 1); t++) {
    for (let pair = 0; pair < half; pair++) {
      const [angle, magnitude] = angleOf(pair, s.positions[t] ?? 0, s);
      const c = s.round(Math.cos(s.round(angle)) * magnitude);
      const r = s.round(Math.sin(s.round(angle)) * magnitude);
      for (let h = 0; h < (heads ?? 1); h++) {
        const row = ((heads ?? 1) * t + h) * (width ?? 1);
        const i = row + (s.halves ? pair : 2 * pair);
        const j = i + (s.halves ? half : 1);
        const [a, b] = [x[i] as number, x[j] as number];
        out[i] = a * c - b * r;
        out[j] = a * r + b * c;
      }
    }
  }
  return out;
}

function angleOf(pair: number, position: number, s: RopeSettings): readonly [number, number] {
  const plain = (position * s.base ** ((-2 * pair) / s.channels)) / (s.factors?.[pair] ?? 1);
  const stretched = plain * s.scale;
  if (s.extrapolation === 0) return [stretched, s.magnitude];
  const mix = ramp(pair, s) * s.extrapolation;
  return [stretched * (1 - mix) + plain * mix, s.magnitude * (1 + 0.1 * Math.log(1 / s.scale))];
}

/** 1 where a pair turns so fast that it is not stretched, 0 where it is, linear between (rope_yarn_ramp). */
function ramp(pair: number, { channels, contextBefore, base, betaFast, betaSlow }: RopeSettings): number {
  const at = (beta: number): number =>
    (channels * Math.log(contextBefore / (beta * 2 * Math.PI))) / (2 * Math.log(base));
  const low = Math.max(0, Math.floor(at(betaFast)));
  const high = Math.min(channels - 1, Math.ceil(at(betaSlow)));
  return 1 - Math.min(1, Math.max(0, (pair - low) / Math.max(0.001, high - low)));
}

const isRope = (n: GraphTensor): boolean => n.kind === 'ROPE';

function ropeWith(change: (s: RopeSettings, turn: Turn) => void): Mutation {
  return (turn) => {
    const settings = ropeSettings(turn);
    change(settings, turn);
    return rope(turn.source(0), turn.tensor.ne, settings);
  };
}

const PLAIN_ROPE = [
  'tiny',
  'llama-dense',
  'qwen2-dense',
  'smollm2',
  'gemma-dense',
  'qwen3moe-moe',
  'made-bias',
  'sample',
];

interface RopePlant extends Omit<EnginePlant, 'kind' | 'plant'> {
  /** A change of the settings, with its description. */
  readonly draw: (site: Site) => readonly [(s: RopeSettings, turn: Turn) => void, string];
  readonly where?: (n: GraphTensor) => boolean;
}

function ropePlant({ draw, where = () => true, ...plant }: RopePlant): EnginePlant {
  return {
    ...plant,
    kind: 'engine',
    plant: (site) => {
      const [change, note] = draw(site);
      return plantAt(
        site,
        site.nodes.filter((n) => isRope(n) && where(n)),
        ropeWith(change),
        note,
      );
    },
  };
}

const PLANTS: readonly RopePlant[] = [
  {
    ...{ name: 'rope-pairs', reduced: true, row: 25, title: 'halves paired for neighbours, or the reverse' },
    ...{ models: PLAIN_ROPE, instances: 4 },
    draw: () => [(s) => void (s.halves = !s.halves), 'NEOX and NORM swapped'],
  },
  {
    ...{ name: 'rope-factors-ignored', row: 27, title: 'frequency factors ignored' },
    ...{ models: ['made-factors', 'llama-dense', 'phi3-dense', 'granitehybrid-dense'], instances: 3 },
    where: (n) => n.src[2] !== undefined,
    draw: () => [(s) => void (s.factors = undefined), 'rope_freqs left out'],
  },
  {
    ...{ name: 'yarn', row: 28, title: "YaRN's magnitude or its ramp left out", models: ['made-yarn'] },
    instances: 3,
    draw: ({ random }) => {
      const what = random.pick(['no magnitude', 'no ramp', 'not stretched'] as const);
      return [
        (s) => {
          if (what === 'no magnitude') s.magnitude /= 1 + 0.1 * Math.log(1 / s.scale);
          if (what === 'no ramp') [s.extrapolation, s.magnitude] = [0, s.magnitude * (1 + 0.1 * Math.log(1 / s.scale))];
          if (what === 'not stretched') [s.extrapolation, s.scale] = [0, 1];
        },
        what,
      ];
    },
  },
  {
    ...{ name: 'partial-rope', row: 29, title: 'all channels turned, or the others lost' },
    ...{ models: ['made-partial-rope'], instances: 2 },
    draw: ({ random }) => {
      const what = random.pick(['all turned', 'others zero', 'half of them turned'] as const);
      return [
        (s, turn) => {
          if (what === 'all turned') s.channels = turn.tensor.ne[0];
          if (what === 'half of them turned') s.channels /= 2;
          if (what === 'others zero') s.rest = 'zero';
        },
        what,
      ];
    },
  },
  {
    ...{ name: 'rope-base', row: 0, title: 'another rope base', models: PLAIN_ROPE, instances: 3 },
    draw: ({ random }) => {
      const base = random.pick([500_000, 1_000_000, random.integer(2000, 8000), random.integer(20_000, 90_000)]);
      return [(s) => void (s.base = base), `base ${base}`];
    },
  },
  {
    ...{ name: 'position-offset', row: 0, title: 'positions off by one', models: PLAIN_ROPE, instances: 3 },
    draw: ({ random }) => {
      const by = random.pick([1, -1, 2]);
      return [(s) => void (s.positions = s.positions.map((p) => p + by)), `by ${by}`];
    },
  },
  {
    ...{ name: 'rope-backwards', row: 0, title: 'turned the other way', models: PLAIN_ROPE, instances: 1 },
    draw: () => [(s) => void (s.positions = s.positions.map((p) => -p)), 'angles negative'],
  },
  {
    ...{ name: 'rope-skipped', row: 43, title: 'keys cached before they are turned', models: PLAIN_ROPE },
    instances: 2,
    where: (n) => n.name.startsWith('Kcur'),
    draw: () => [(s) => void (s.positions = s.positions.map(() => 0)), 'K'],
  },
];

/** Row 26: rows of Q or K in the layout of the original checkpoint, which GGUF permutes for NORM rope. */
const UNPERMUTED: EnginePlant = {
  ...{ kind: 'engine', name: 'qk-permute-skipped', row: 26, title: 'rows of Q and K not permuted for rope' },
  ...{ models: ['tiny', 'sample', 'smollm2', 'made-legacy', 'made-k'], instances: 3 },
  plant: (site) => {
    const head = site.nodes.find(isRope)?.ne[0];
    const nodes = site.nodes.filter(
      (n) => n.kind === 'MUL_MAT' && /attn_[qk]\.weight/.test(site.sourceOf(n, 0)?.name ?? ''),
    );
    return head === undefined ? undefined : plantAt(site, nodes, unpermute(head), `heads of ${head}`);
  },
};

function unpermute(head: number): Mutation {
  return (turn) => {
    const right = turn.right();
    return right.map((_, i) => {
      const channel = i % head;
      const from = channel < head / 2 ? 2 * channel : 2 * (channel - head / 2) + 1;
      return right[i - channel + from] as number;
    });
  };
}

export const ROPE_PLANTS: readonly EnginePlant[] = [...PLANTS.map(ropePlant), UNPERMUTED];
