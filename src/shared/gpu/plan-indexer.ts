import { elementCount } from '../graph/graph';
import { LIGHTNING_INDEXER_OP } from '../ops/indexer';
import { hasDenseRows } from '../ops/tensor-shape';
import type { Plan } from './kernel-call';
import { perElement } from './kernel-call';
import type { PlanRequest } from './plan-op';
import { refusal, shapeOf } from './plan-parts';
import type { ElementType } from './shader-variant';
import { elementConstant } from './shader-variant';

export function planLightningIndexer(request: PlanRequest): Plan {
  const { dst, src } = request;
  const [q, k, weights, mask] = src;
  const why = LIGHTNING_INDEXER_OP.check(shapeOf(request)) ?? refusal(dst, q, weights, mask);
  if (why !== undefined || !q || !k || !weights || !mask) return { unsupported: why ?? '' };
  if (!hasDenseRows(q) || !hasDenseRows(k)) return { unsupported: 'rows that have gaps' };
  return {
    variant: {
      op: 'lightning_indexer',
      quantOf: { 1: k.type },
      constants: {
        ...elementConstant(0, q.type as ElementType),
        ...elementConstant(2, weights.type as ElementType),
        ...elementConstant(3, mask.type as ElementType),
      },
    },
    dst,
    sources: [q, k, weights, mask],
    values: {},
    byRows: false,
    workgroups: () => perElement(elementCount(dst.ne)),
  };
}
