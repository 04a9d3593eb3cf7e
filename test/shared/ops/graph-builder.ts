import { nodeId } from '../../../src/shared/base/brand';
import type { NodeId } from '../../../src/shared/base/brand';
import type { WeightSource, WeightTensor } from '../../../src/shared/gguf/model-source';
import type { GgmlOp, OpKind } from '../../../src/shared/graph/ggml-op';
import type { Dims, Graph, GraphTensor, TensorRole } from '../../../src/shared/graph/graph';
import type { Checkpoints } from '../../../src/shared/ops/run-memory';
import { contiguousStrides } from '../../../src/shared/ops/tensor-shape';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';

interface TensorSpec {
  readonly op?: GgmlOp;
  readonly kind?: OpKind;
  readonly type?: GgmlTypeName;
  readonly nb?: Dims;
  readonly src?: readonly (NodeId | undefined)[];
  readonly params?: readonly number[];
  readonly viewOf?: NodeId;
  readonly viewOffs?: number;
}

/** Puts a graph together as a capture would hand it over. */
export class GraphBuilder {
  private readonly tensors: GraphTensor[] = [];
  private readonly order: NodeId[] = [];

  leaf(role: Exclude<TensorRole, 'node'>, name: string, ne: Dims, type: GgmlTypeName = 'F32'): NodeId {
    return this.add(role, name, `leaf:${name}`, ne, { op: 'NONE', kind: 'NONE', type });
  }

  /** `spec.kind` names the sub-op where `op` is UNARY or GLU. */
  node(key: string, op: GgmlOp, ne: Dims, src: readonly (NodeId | undefined)[], spec: TensorSpec = {}): NodeId {
    const id = this.add('node', key, key, ne, { op, kind: op as OpKind, src, ...spec });
    this.order.push(id);
    return id;
  }

  build(): Graph {
    return { tensors: this.tensors, order: this.order };
  }

  private add(role: TensorRole, name: string, key: string, ne: Dims, spec: TensorSpec): NodeId {
    const id = nodeId(this.tensors.length);
    const type = spec.type ?? 'F32';
    this.tensors.push({
      id,
      name,
      key,
      role,
      op: spec.op ?? 'NONE',
      kind: spec.kind ?? 'NONE',
      opParams: spec.params ?? [],
      type,
      ne,
      nb: spec.nb ?? contiguousStrides(type, ne),
      src: spec.src ?? [],
      ...(spec.viewOf === undefined ? {} : { viewSrc: spec.viewOf }),
      viewOffs: spec.viewOffs ?? 0,
    });
    return id;
  }
}

/** Weights held in memory. */
export function weightsOf(
  tensors: Readonly<Record<string, { type: GgmlTypeName; ne: Dims; bytes: Uint8Array }>>,
): WeightSource {
  const tensor = (name: string): WeightTensor | undefined => {
    const found = tensors[name];
    return (
      found && {
        name,
        type: found.type,
        ne: found.ne,
        byteLength: found.bytes.length,
        copyInto: (offset, length, dst, dstOffset) => dst.set(found.bytes.subarray(offset, offset + length), dstOffset),
      }
    );
  };
  return { label: 'weights in memory', tensor };
}

/** Checkpoints held in memory; integers as Int32Array. */
export function checkpointsOf(label: string, values: Readonly<Record<string, Float32Array | Int32Array>>): Checkpoints {
  const get = (key: string): Float32Array | Int32Array => {
    const found = values[key];
    if (!found) throw new Error(`${label} has no ${key}`);
    return found;
  };
  return {
    label,
    entries: new Map(Object.entries(values).map(([key, v]) => [key, { dtype: 'F32', shape: [v.length] }])),
    readF32: (key) => Float32Array.from(get(key)),
    readRaw: (key) => new Uint8Array(get(key).slice().buffer),
  };
}

export const f32Bytes = (values: readonly number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
