import { stepKey } from '../../shared/trace/steps';
import type { ProfileEntry } from '../../shared/divergence/verdict';

export interface LayerError {
  readonly layer: number;
  /** The largest local error of its nodes over the node's own noise floor; null for an infinite one. */
  readonly ratio: number | null;
  /** Where that is. */
  readonly node: string;
  /** The largest inherited NMSE; null where none was measured. */
  readonly inherited: number | null;
  readonly bad: boolean;
  /** Whether a node of it rounds. */
  readonly rounded: boolean;
}

/** The worst of each layer over all steps, by layer. */
export function errorByLayer(profile: readonly ProfileEntry[]): readonly LayerError[] {
  const layers = new Map<number, LayerError>();
  for (const p of profile) {
    if (p.layer === null) continue;
    const ratio = p.local === null ? null : p.local / p.floor;
    const known = layers.get(p.layer);
    const isWorst = known === undefined || (known.ratio !== null && (ratio === null || ratio > known.ratio));
    layers.set(p.layer, {
      layer: p.layer,
      ratio: isWorst ? ratio : known.ratio,
      node: isWorst ? stepKey(p.step, p.node) : known.node,
      inherited: larger(known?.inherited ?? null, p.inherited),
      bad: (known?.bad ?? false) || p.bad,
      rounded: (known?.rounded ?? false) || p.rounded,
    });
  }
  return [...layers.values()].sort((a, b) => a.layer - b.layer);
}

function larger(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
