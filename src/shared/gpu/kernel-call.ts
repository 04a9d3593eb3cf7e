import { assert } from '../base/assert';
import type { Dims, Graph, GraphTensor } from '../graph/graph';
import { memoryOwner } from '../graph/graph';
import { spanBytes } from '../ops/tensor-shape';
import type { GgmlTypeName } from '../quant/ggml-type';
import { MAX_WORKGROUPS } from './gpu-session';
import type { ShaderVariant } from './shader-variant';
import type { FieldValues } from './wgsl-struct';

/** A tensor as a kernel sees it: a window into its owner's memory. */
export interface Operand {
  readonly owner: GraphTensor;
  readonly type: GgmlTypeName;
  readonly ne: Dims;
  /** Strides in bytes. */
  readonly nb: Dims;
  /** Of element 0 from the start of the owner's memory, bytes. */
  readonly offset: number;
}

/** Numbers that the CPU computes for a kernel; nodes with an equal key share one buffer. */
export interface AuxTable {
  readonly key: string;
  make(): Float32Array;
}

export type Workgroups = readonly [number, number, number];

/** One kernel on one node. Where source 0 is a weight in several parts it becomes one dispatch per part. */
export interface KernelCall {
  readonly variant: ShaderVariant;
  readonly dst: Operand;
  /** By the kernel's own numbering: entry i is bound as `src<i>`. A kernel that only writes has none. */
  readonly sources: readonly (Operand | undefined)[];
  readonly aux?: AuxTable;
  /** The op's own Params. */
  readonly values: FieldValues;
  /** Whether the kernel can run on some of source 0's rows (Params.row_first); `planes`: those of all planes count on. */
  readonly byRows: boolean | 'planes';
  /** @param src0Rows rows of source 0 (dimension 1) in the dispatch; 0 without a source */
  readonly workgroups: (src0Rows: number) => Workgroups;
}

/** Why a node cannot run here; the value that a lane reports as not measured. */
export interface Unsupported {
  readonly unsupported: string;
}

export type Plan = KernelCall | Unsupported;

export function operandOf(graph: Graph, t: GraphTensor): Operand {
  return { owner: memoryOwner(graph, t), type: t.type, ne: t.ne, nb: t.nb, offset: t.viewOffs };
}

/** Bytes of the owner's memory that the operand covers. */
export function operandRange(operand: Operand): { readonly first: number; readonly end: number } {
  return { first: operand.offset, end: operand.offset + spanBytes(operand) };
}

const WORKGROUP_SIZE = 64;

/** One invocation per element. */
export function perElement(count: number): Workgroups {
  return perWorkgroup(Math.ceil(count / WORKGROUP_SIZE));
}

/** `count` workgroups; past the limit of one dimension they continue in y, where shaders return for the surplus. */
export function perWorkgroup(count: number): Workgroups {
  const x = Math.min(Math.max(count, 1), MAX_WORKGROUPS);
  const y = Math.ceil(count / x);
  assert(y <= MAX_WORKGROUPS, `${count} workgroups in one dispatch`);
  return [x, y, 1];
}
