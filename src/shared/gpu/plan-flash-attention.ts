import { FLASH_ATTN_EXT_OP } from '../ops/flash-attention';
import { hasDenseRows } from '../ops/tensor-shape';
import { codebookOf } from './codebooks';
import type { Plan } from './kernel-call';
import { perWorkgroup } from './kernel-call';
import type { PlanRequest } from './plan-op';
import { f32Params, refusal, shapeOf } from './plan-parts';
import { slopeTable } from './plan-soft-max';
import type { ElementType } from './shader-variant';
import { elementConstant } from './shader-variant';

/** Channels of a head for which every device has workgroup memory, 16 bytes a quad. */
const MOST_CHANNELS = 1024;

export function planFlashAttention(request: PlanRequest): Plan {
  const { node, dst, src } = request;
  const [q, k, v, mask, sinks] = src;
  const why = FLASH_ATTN_EXT_OP.check(shapeOf(request)) ?? refused(request);
  if (why !== undefined || !q || !k || !v) return { unsupported: why ?? '' };
  const [scale = 1, maxBias = 0, softcap = 0] = f32Params(node.opParams);
  return {
    variant: {
      op: 'flash_attn',
      quantOf: { 1: k.type, 2: v.type },
      constants: {
        ...elementConstant(0, q.type as ElementType),
        ...elementConstant(3, (mask?.type ?? 'F16') as ElementType),
        ...elementConstant(4, (sinks?.type ?? 'F32') as ElementType),
        QUERY_QUADS: roundUp(k.ne[0] / 4, 16),
        SUM_QUADS: roundUp(v.ne[0] / 4, 64),
      },
    },
    dst,
    sources: [q, k, v, mask ?? q, sinks ?? q],
    aux: slopeTable(q.ne[2], maxBias),
    values: {
      scale: softcap === 0 ? scale : scale / softcap,
      softcap,
      has_mask: mask ? 1 : 0,
      has_sinks: sinks ? 1 : 0,
    },
    byRows: false,
    workgroups: () => perWorkgroup(q.ne[1] * q.ne[2] * q.ne[3]),
  };
}

function roundUp(x: number, step: number): number {
  return Math.ceil(x / step) * step;
}

function refused({ dst, src }: PlanRequest): string | undefined {
  const [q, k, v, mask, sinks] = src;
  if (!k || !v) return 'a source is missing';
  if (!hasDenseRows(k) || !hasDenseRows(v)) return 'rows that have gaps';
  if (Math.max(k.ne[0], v.ne[0]) > MOST_CHANNELS) return `heads of ${Math.max(k.ne[0], v.ne[0])} channels`;
  const [ofK, ofV] = [codebookOf(k.type), codebookOf(v.type)];
  if (ofK && ofV && ofK !== ofV) return `codebooks of ${k.type} and ${v.type}`;
  return refusal(dst, q, ...[mask, sinks].filter((source) => source !== undefined));
}
