import { elementCount } from '../graph/graph';
import { intParam } from '../ops/op';
import { SSM_CONV_OP, SSM_SCAN_OP } from '../ops/ssm';
import { isContiguous } from '../ops/tensor-shape';
import type { Operand, Plan } from './kernel-call';
import { perElement } from './kernel-call';
import { refusal, shapeOf, typeConstants } from './plan-parts';
import type { PlanRequest } from './plan-op';

export function planSsmConv(request: PlanRequest): Plan {
  const { dst, src } = request;
  const [src0, src1] = src;
  const why = refusal(dst, src0, src1) ?? SSM_CONV_OP.check(shapeOf(request));
  if (why !== undefined || !src0 || !src1) return { unsupported: why ?? '' };
  return {
    variant: { op: 'ssm_conv', constants: typeConstants(src0, src1) },
    dst,
    sources: [src0, src1],
    values: {},
    byRows: false,
    workgroups: () => perElement(elementCount(dst.ne)),
  };
}

export function planSsmScan(request: PlanRequest): Plan {
  const { node, dst, src } = request;
  const sources = src.slice(0, 7);
  const [states, x] = src;
  const ids = src[6];
  const why = recurrentRefusal(dst, sources.slice(0, 6)) ?? notIds(ids) ?? SSM_SCAN_OP.check(shapeOf(request));
  if (why !== undefined || !states || !x) return { unsupported: why ?? '' };
  const [, channels, heads] = states.ne;
  const sequences = x.ne[3];
  return {
    variant: { op: 'ssm_scan', constants: typeConstants(...sources) },
    dst,
    sources,
    values: { channels, heads, sequences, snapshots: intParam(node.opParams, 0) },
    byRows: false,
    workgroups: () => perElement(channels * heads * sequences),
  };
}

/** What the kernels of lib/per-channel.wgsl do not take. */
export function recurrentRefusal(dst: Operand, floats: readonly (Operand | undefined)[]): string | undefined {
  return refusal(dst, ...floats) ?? (isContiguous(dst) ? undefined : 'a result with gaps');
}

function notIds(ids: Operand | undefined): string | undefined {
  if (!ids) return 'a source is missing';
  return ids.type === 'I32' ? undefined : `indices of type ${ids.type}`;
}
