/** SOFT_MAX and FLASH_ATTN_EXT sites, and attention once more by plain loops: independent of the hypotheses. */
import type { Dims } from '../../../../../src/shared/graph/graph';
import { tensorOf } from '../../../../../src/shared/graph/graph';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import { GraphBuilder } from '../../../ops/graph-builder';
import { floatBits } from '../../../ops/op-helpers';
import { siteOf } from '../../try-hypothesis';
import { spread } from './planted';

export const HEADS = 4;
export const TOKENS = 6;
/** Cells of the cache: 7 written, the last 5 of them by this prompt's … */
export const KEYS = 11;
/** … whose first token lies in this cell. */
export const PAST = 2;
export const SCALE = 0.25;

export type Sees = (token: number, key: number) => boolean;
export const causal: Sees = (token, key) => key <= token + PAST;

/** 0 or, with ALiBi, minus the distance where a token sees a key; −∞ elsewhere. */
export function maskValues(sees: Sees, alibi = false): Float32Array {
  return Float32Array.from({ length: KEYS * TOKENS }, (_, i) => {
    const [key, token] = [i % KEYS, Math.floor(i / KEYS)];
    return sees(token, key) ? (alibi ? -Math.abs(token + PAST - key) : 0) : -Infinity;
  });
}

export interface ScoreSpec {
  readonly sees?: Sees;
  readonly maxBias?: number;
  readonly sinks?: readonly number[];
  readonly scale?: number;
  /** Largest score before scaling. */
  readonly size?: number;
}

export interface ScoreSite {
  readonly site: Site;
  readonly scores: Float32Array;
}

/** The product K·Q before it tells the head's size: 16 channels. */
export function softMaxSite(spec: ScoreSpec = {}): ScoreSite {
  const ne: Dims = [KEYS, TOKENS, HEADS, 1];
  const b = new GraphBuilder();
  const k = b.node('k', 'ADD', [16, KEYS, 2, 1], []);
  const q = b.node('q', 'ADD', [16, TOKENS, HEADS, 1], []);
  const kq = b.node('kq', 'MUL_MAT', ne, [k, q]);
  const mask = b.leaf('input', 'mask', [KEYS, TOKENS, 1, 1]);
  const sinks = spec.sinks && b.leaf('input', 'sinks', [HEADS, 1, 1, 1]);
  const params = [floatBits(spec.scale ?? SCALE), floatBits(spec.maxBias ?? 0)];
  const id = b.node('p', 'SOFT_MAX', ne, sinks === undefined ? [kq, mask] : [kq, mask, sinks], { params });
  const graph = b.build();
  const scores = spread(KEYS * TOKENS * HEADS, 3, spec.size ?? 12);
  const sources = [
    scores,
    maskValues(spec.sees ?? causal, (spec.maxBias ?? 0) > 0),
    spec.sinks && Float32Array.from(spec.sinks),
  ];
  return { site: siteOf({ graph, node: tensorOf(graph, id), sources }), scores };
}

/** e^z of each key; keys that are not seen give 0. */
export interface PlantedRow {
  /** The logit of a key; −∞ where it is not seen. */
  readonly z: (token: number, key: number, head: number, score: number) => number;
  /** From powers, relative to the greatest, to probabilities. */
  readonly finish?: (powers: number[], greatest: number, head: number) => number[];
}

const shares = (powers: number[]): number[] => {
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((e) => e / sum);
};

export function plantedSoftMax(scores: Float32Array, { z, finish = shares }: PlantedRow): Float32Array {
  const out = new Float32Array(scores.length);
  for (let row = 0; row < TOKENS * HEADS; row++) {
    const [token, head] = [row % TOKENS, Math.floor(row / TOKENS)];
    const logits = Array.from({ length: KEYS }, (_, key) => z(token, key, head, scores[row * KEYS + key]!));
    const greatest = Math.max(...logits);
    out.set(
      finish(
        logits.map((l) => Math.exp(l - greatest)),
        greatest,
        head,
      ),
      row * KEYS,
    );
  }
  return out;
}

/** The logit of a plain attention that sees by `sees`. */
export function seeing(sees: Sees, scale = SCALE): PlantedRow['z'] {
  return (token, key, _head, score) => (sees(token, key) ? score * scale : -Infinity);
}
