import { assert } from '../base/assert';
import { QuarrelError } from '../base/errors';
import type { Dims } from '../graph/graph';
import { elementCount } from '../graph/graph';
import { isContiguous } from '../ops/tensor-shape';
import type { Batch, BufferRange } from './batch';
import { LOAD_SLACK } from './buffer-pool';
import type { BindingName } from './compose-shader';
import { sourceName } from './compose-shader';
import type { GpuSession } from './gpu-session';
import { OFFSET_ALIGNMENT } from './gpu-session';
import type { KernelCall, Operand } from './kernel-call';
import { operandRange } from './kernel-call';
import type { Kernel } from './pipeline-cache';
import type { Memory } from './tensor-memory';
import type { FieldValues } from './wgsl-struct';
import { packStruct } from './wgsl-struct';

/** An operand and what holds it; the operand's offset counts from the start of that memory. */
export interface Placed {
  readonly operand: Operand;
  readonly memory: Memory;
}

/** A call with its operands placed. */
export interface PlacedCall {
  readonly call: KernelCall;
  readonly dst: Placed;
  /** As `call.sources`. */
  readonly sources: readonly (Placed | undefined)[];
  readonly aux: GPUBuffer | undefined;
}

/** An operand bound: the range for the bind group and the Tensor for Params. */
interface Bound {
  readonly range: BufferRange;
  readonly tensor: FieldValues;
}

/** Source 0, or those of its rows that one dispatch works on. */
interface SourcePart {
  readonly bound: Bound | undefined;
  readonly rowFirst: number;
  readonly rows: number;
}

/**
 * Records one call: one dispatch, or one per part of a split weight.
 * @param label the node's key, which errors quote
 * @param node index in graph.order
 * @param timed whether the batch takes the time of this node
 */
export function dispatchCall(
  session: GpuSession,
  batch: Batch,
  kernel: Kernel,
  placed: PlacedCall,
  label: string,
  node: number,
  timed = false,
): void {
  const { call, aux } = placed;
  const dst = bindWhole(session, placed.dst, label);
  const [first, ...others] = placed.sources;
  const rest = others.map((source) => source && bindWhole(session, source, label));
  for (const { bound, rowFirst, rows } of sourceParts(session, call, first, label)) {
    const workgroups = call.workgroups(rows);
    if (workgroups.includes(0)) continue; // no rows to set, say
    const sources = [bound, ...rest].flatMap((source, i) => (source ? [[sourceName(i), source] as const] : []));
    const params: FieldValues = {
      ...call.values,
      node,
      dst: dst.tensor,
      ...Object.fromEntries(sources.map(([name, { tensor }]) => [name, tensor])),
      ...(call.byRows !== false ? { row_first: rowFirst } : {}),
    };
    const bytes = new Uint8Array(kernel.shader.params.size);
    packParams(kernel, params, new DataView(bytes.buffer));
    const ranges: Partial<Record<BindingName, BufferRange>> = {
      params: batch.uniform(bytes),
      dst: dst.range,
      ...Object.fromEntries(sources.map(([name, { range }]) => [name, range])),
      ...(aux ? { aux: { buffer: aux, offset: 0, size: aux.size } } : {}),
    };
    batch.dispatch(label, kernel.pipeline, bindings(kernel, ranges, label), workgroups, timed);
  }
}

function packParams(kernel: Kernel, params: FieldValues, view: DataView): void {
  try {
    packStruct(kernel.shader.params, params, view);
  } catch (error) {
    if (error instanceof QuarrelError) throw new QuarrelError(`${kernel.shader.key}: ${error.message}`);
    throw error;
  }
}

/** What the shader declares, bound to ranges. */
export function bindings(
  kernel: Kernel,
  ranges: Partial<Record<BindingName, BufferRange>>,
  label: string,
): GPUBindGroupDescriptor {
  const entries = kernel.shader.bindings.map(({ name, binding }) => {
    const resource = name === 'codebook' ? kernel.codebook && { buffer: kernel.codebook } : ranges[name];
    assert(resource, `${label}: ${kernel.shader.key} binds ${name}, which the call does not have`);
    return { binding, resource };
  });
  return { label, layout: kernel.layout, entries };
}

/** Source 0 in one piece, or by rows where the weight lies in several buffers. */
function sourceParts(
  session: GpuSession,
  call: KernelCall,
  src0: Placed | undefined,
  label: string,
): readonly SourcePart[] {
  if (!src0) return [{ bound: undefined, rowFirst: 0, rows: 0 }];
  const { operand, memory } = src0;
  if (memory.kind === 'buffer' || memory.parts.length === 1) {
    return [{ bound: bindWhole(session, src0, label), rowFirst: 0, rows: operand.ne[1] }];
  }
  if (!call.byRows || !isWhole(operand)) throw cannotSplit(operand, label);
  if (call.byRows !== 'planes' && operand.ne[2] * operand.ne[3] !== 1) throw cannotSplit(operand, label);
  return memory.parts.map(({ buffer, rowFirst, rows }) => ({
    bound: bindOperand(session, { ...operand, ne: [operand.ne[0], rows, 1, 1] }, buffer, label),
    rowFirst,
    rows,
  }));
}

/** Whether the operand has its owner's rows, all of them in their order. */
function isWhole(operand: Operand): boolean {
  const { owner, ne, offset } = operand;
  return offset === 0 && ne[0] === owner.ne[0] && elementCount(ne) === elementCount(owner.ne) && isContiguous(operand);
}

function bindWhole(session: GpuSession, { operand, memory }: Placed, label: string): Bound {
  if (memory.kind === 'buffer') return bindOperand(session, operand, memory.buffer, label);
  const [only, second] = memory.parts;
  if (!only || second) throw cannotSplit(operand, label);
  return bindOperand(session, operand, only.buffer, label);
}

function cannotSplit(operand: Operand, label: string): QuarrelError {
  return new QuarrelError(
    `${label}: ${operand.owner.name} exceeds what this device binds at once and cannot be split here`,
  );
}

function bindOperand(session: GpuSession, operand: Operand, buffer: GPUBuffer, label: string): Bound {
  const { first, end } = operandRange(operand);
  const offset = Math.floor(first / OFFSET_ALIGNMENT) * OFFSET_ALIGNMENT;
  const size = Math.min(buffer.size - offset, Math.ceil((end + LOAD_SLACK - offset) / 4) * 4);
  const { bindingBytes } = session.limits;
  if (size > bindingBytes) {
    throw new QuarrelError(
      `${label}: ${operand.owner.key} takes ${size} bytes; this device binds at most ${bindingBytes}`,
    );
  }
  return {
    range: { buffer, offset, size },
    tensor: { ne: operand.ne, nb: usedStrides(operand.ne, operand.nb), offset: first - offset },
  };
}

/** Strides of dimensions of one element are never used; a large tensor's would not fit 32 bits. */
function usedStrides(ne: Dims, nb: Dims): Dims {
  return nb.map((stride, d) => (ne[d] === 1 ? 0 : stride)) as unknown as Dims;
}
