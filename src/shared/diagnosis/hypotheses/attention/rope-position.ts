import type { Hypothesis, Variant } from '../../hypothesis';
import { valuesOf } from '../../site';
import { rotation, ropeParams } from '../../../ops/rope-angles';
import type { Site } from '../../site';
import { atPositions, componentsOf, hasFactors, ropeOf, rotateHeads } from './rope-site';
import { allValuesOf } from './source-values';

export const ROPE_POSITION: Hypothesis = {
  id: 'rope-position',
  title: 'RoPE rotates by the wrong position',
  explanation:
    'Rotation depends on each token’s position. Off by one, counted from 0 again in a decode step, or taken from another ' +
    'index, every pair turns by the wrong angle.',
  whereToLook:
    'Which positions reach the RoPE kernel: prompt length added in decode steps, 0- or 1-based, one entry per token (not ' +
    'per head or per row), read with the right integer type.',
  citations: ['chrishayuk/larql#177'],
  catalogue: [43],
  generality: 1,
  *variants(site) {
    const p = ropeOf(site);
    if (!p) return;
    const positions = valuesOf(site, 1);
    const first = Math.min(...positions);
    const last = Math.max(...positions);
    for (const offset of [1, -1, 2, -2]) yield shifted(offset);
    if (first > 0) yield other('counted from 0', (all) => all.map((x) => x - first));
    if (first !== last) {
      yield other('in reverse order', (all) => all.map((x) => first + last - x));
      if (first > 0) yield other('that of the first token', (all) => all.map(() => first));
      yield other('that of the last token', (all) => all.map(() => last));
    } else if (first !== 0) {
      yield other('always 0', (all) => all.map(() => 0));
    }
    const [, heads] = site.node.ne;
    if (componentsOf(p) > 1) return;
    if (heads > 1) yield byRow('index of the head', (head) => head);
    if (heads > 1) yield byRow('index of the row over heads and tokens', (head, token) => head + heads * token);
  },
};

function other(label: string, change: (positions: Float32Array) => Float32Array): Variant {
  return { label, parameters: { position: label }, predict: (s) => atPositions(s, change) };
}

export function shifted(offset: number): Variant {
  return {
    label: `offset ${offset > 0 ? '+' : ''}${offset}`,
    parameters: { offset, right: 0 },
    predict: (s) => atPositions(s, (all) => all.map((x) => x + offset)),
  };
}

function byRow(label: string, positionOf: (head: number, token: number) => number): Variant {
  const predict = (site: Site): Float32Array => {
    const factors = hasFactors(site) ? allValuesOf(site, 2) : undefined;
    const turn = rotation(ropeParams(site.node.opParams), factors, site.arithmetic);
    return rotateHeads(site, (head, token) => turn.at([positionOf(head, token)]));
  };
  return { label, parameters: { position: label }, predict };
}
