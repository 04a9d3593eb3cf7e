/** Ways in which a mistake changes a node's result, where rounding has none. */
import type { OpKind } from '../../graph/ggml-op';
import { floatParam } from '../../ops/op';
import { withFloatParam } from '../hypotheses/op-params';
import type { Site } from '../site';
import { evaluateChanged, isWeightSource } from '../site';
import type { Direction } from './structure';

/** Relative change of a parameter that shows its direction. */
const NUDGE = 1e-3;

/**
 * An offset, a factor, one source more or less, another parameter.
 * @param at places of the compared elements
 * @param site of a node that is judged alone; undefined for a stretch
 */
export function directionsOf(right: Float32Array, at: Int32Array, site: Site | undefined): readonly Direction[] {
  const along = (values: Float32Array): Float64Array => Float64Array.from(at, (i) => values[i]!);
  const found: Direction[] = [
    { name: 'has a common offset', values: new Float64Array(at.length).fill(1) },
    { name: 'grows with the result', values: along(right) },
  ];
  if (!site) return found;
  site.node.src.forEach((_, index) => {
    const source = isWeightSource(site, index) ? undefined : site.source(index);
    if (source && source.length === right.length && source.length > 0) {
      found.push({ name: `grows with source ${index}`, values: along(source) });
    }
  });
  for (const index of FLOAT_PARAMS[site.node.kind] ?? []) {
    const value = floatParam(site.node.opParams, index);
    if (!Number.isFinite(value) || value === 0) continue;
    const opParams = withFloatParam(site.node.opParams, index, value * (1 + NUDGE));
    const changed = evaluateChanged(site, { opParams });
    found.push({
      name: 'changes as another parameter would make it',
      values: Float64Array.from(at, (i) => changed[i]! - right[i]!),
    });
  }
  return found;
}

/** Indices of the parameters that are numbers, in ggml's op_params. */
const FLOAT_PARAMS: Partial<Readonly<Record<OpKind, readonly number[]>>> = {
  NORM: [0],
  RMS_NORM: [0],
  L2_NORM: [0],
  GROUP_NORM: [1],
  SCALE: [0, 1],
  SOFT_MAX: [0],
  FLASH_ATTN_EXT: [0, 2],
  ROPE: [5, 6, 8],
};
