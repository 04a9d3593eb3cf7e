import { alibiSlopes } from '../ops/alibi';
import { SOFT_MAX_OP } from '../ops/soft-max';
import type { AuxTable, Plan } from './kernel-call';
import { perWorkgroup } from './kernel-call';
import type { PlanRequest } from './plan-op';
import { f32Params, refusal, shapeOf, typeConstants } from './plan-parts';

export function planSoftMax(request: PlanRequest): Plan {
  const { node, dst, src } = request;
  const [src0, mask, sinks] = src;
  const given = [src0, mask, sinks].filter((source, i) => i === 0 || source !== undefined);
  const why = SOFT_MAX_OP.check(shapeOf(request)) ?? refusal(dst, ...given);
  if (why !== undefined || !src0) return { unsupported: why ?? '' };
  const [scale = 1, maxBias = 0] = f32Params(node.opParams);
  const { ne } = src0;
  const sources = [src0, mask ?? src0, sinks ?? mask ?? src0];
  return {
    variant: {
      op: 'soft_max',
      constants: { ...typeConstants(...sources), HAS_MASK: mask !== undefined, HAS_SINKS: sinks !== undefined },
    },
    dst,
    sources,
    aux: slopeTable(ne[2], maxBias),
    values: { scale },
    byRows: false,
    workgroups: () => perWorkgroup(ne[1] * ne[2] * ne[3]),
  };
}

/** ALiBi's slope per head, 1 without it. */
export function slopeTable(heads: number, maxBias: number): AuxTable {
  return {
    key: `slopes ${heads} ${maxBias}`,
    make: () => Float32Array.from(alibiSlopes(heads, maxBias, 'exact')),
  };
}
