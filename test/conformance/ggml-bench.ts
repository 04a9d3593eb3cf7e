/**
 * Runs single ops on the real ggml: builds a small graph over FFI, computes it on ggml's CPU backend, and hands it over
 * as a captured graph with its inputs, weights and the library's result, for our lanes to be judged by.
 */
import koffi from 'koffi';
import { locateLibrary } from '../../src/main/capture/library-files';
import { GraphBuilder } from '../../src/main/capture/graph-builder';
import type { LlamaLibrary } from '../../src/main/capture/llama-library';
import { loadLlama, openLibrary } from '../../src/main/capture/llama-library';
import { loadBackends } from '../../src/main/capture/llama-model';
import { readTensor } from '../../src/main/capture/struct-layouts';
import { TensorReader, traceType } from '../../src/main/capture/tensor-data';
import { assert, defined } from '../../src/shared/base/assert';
import { f32ToBf16, f32ToF16 } from '../../src/shared/base/float-bits';
import type { WeightSource } from '../../src/shared/gguf/model-source';
import type { Dims, Graph, GraphTensor } from '../../src/shared/graph/graph';
import { elementCount, tensorOf } from '../../src/shared/graph/graph';
import type { Checkpoints } from '../../src/shared/ops/run-memory';
import { spanBytes } from '../../src/shared/ops/tensor-shape';
import type { GgmlTypeName } from '../../src/shared/quant/ggml-type';
import { GgmlType } from '../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../src/shared/quant/registry';
import { bytesToF32 } from '../../src/shared/trace/widen';
import type { Stored } from '../gpu/gpu-fixture';
import { memoryTrace, stored } from '../gpu/gpu-fixture';
import { ordinaryBlocks } from '../helpers/scales';
import { weightsOf } from '../shared/ops/graph-builder';
import { randomValues } from '../shared/ops/op-helpers';

/** An address of a `ggml_tensor`. */
export type Tensor = bigint;

/** A graph whose last node is judged, and what the library made of it. */
export interface LibraryRun {
  readonly graph: Graph;
  readonly node: GraphTensor;
  readonly captured: Checkpoints;
  readonly weights: WeightSource;
  /** All elements of `node` in logical order, widened to f32. */
  readonly result: Float32Array;
}

/** C types of `op`'s arguments: T tensor or null, f float, i int, l int64_t, b bool, z size_t, I array of int. */
const C_TYPES: Readonly<Record<string, string>> = {
  T: 'void *',
  f: 'float',
  i: 'int',
  l: 'int64_t',
  b: 'bool',
  z: 'size_t',
  I: 'int *',
};

const CONTEXT_BYTES = 4 << 20;
const THREADS = 1;

interface Native {
  readonly library: LlamaLibrary;
  readonly base: ReturnType<typeof openLibrary>;
  readonly backend: bigint;
}

let native: Native | undefined;
const bound = new Map<string, (...args: unknown[]) => unknown>();

function openNative(): Native {
  if (native) return native;
  const files = locateLibrary();
  const library = loadLlama(files);
  loadBackends(library);
  const base = openLibrary(files.ggmlBase);
  const device = library.ggml_backend_dev_by_type(0);
  const backend = base.func('ggml_backend_dev_init', 'void *', ['void *', 'str'])(device, null) as bigint;
  const reg = library.ggml_backend_dev_backend_reg(device);
  const procOf = base.func('ggml_backend_reg_get_proc_address', 'void *', ['void *', 'str']);
  const setThreads = procOf(reg, 'ggml_backend_set_n_threads') as bigint;
  koffi.call(setThreads, koffi.proto('void', ['void *', 'int']), backend, THREADS);
  native = { library, base, backend };
  return native;
}

function call(name: string, result: string, args: readonly string[], values: readonly unknown[]): unknown {
  const key = `${result} ${name}(${args.join()})`;
  let f = bound.get(key);
  if (!f) {
    f = openNative().base.func(name, result, [...args]) as (...a: unknown[]) => unknown;
    bound.set(key, f);
  }
  return f(...values);
}

type Values = ArrayLike<number>;

/** Makes leaves and nodes of one graph. Shapes are ggml's: ne[0] fastest; missing dimensions are 1. */
export class GgmlBench {
  private readonly context: bigint;
  private readonly data = new Map<Tensor, Uint8Array>();
  private seed = 1;

  private constructor() {
    const { library } = openNative();
    this.context = defined(
      library.ggml_init({ mem_size: CONTEXT_BYTES, mem_buffer: null, no_alloc: true }) ?? undefined,
      'a ggml context',
    );
  }

  /** Builds with `build`, whose result is the node to judge, computes, and gives everything back. */
  static run(build: (g: GgmlBench) => Tensor): LibraryRun {
    const bench = new GgmlBench();
    try {
      return bench.compute(build(bench));
    } finally {
      openNative().library.ggml_free(bench.context);
    }
  }

  /** Random values where none are given: between −1 and 1, of many magnitudes. */
  f32(ne: readonly number[], values?: Values): Tensor {
    return this.leaf('F32', ne, Float32Array.from(values ?? this.random(ne)));
  }

  f16(ne: readonly number[], values?: Values): Tensor {
    return this.leaf('F16', ne, Uint16Array.from(values ?? this.random(ne), f32ToF16));
  }

  bf16(ne: readonly number[], values?: Values): Tensor {
    return this.leaf('BF16', ne, Uint16Array.from(values ?? this.random(ne), f32ToBf16));
  }

  i32(ne: readonly number[], values: Values): Tensor {
    return this.leaf('I32', ne, Int32Array.from(values));
  }

  i64(ne: readonly number[], values: Values): Tensor {
    return this.leaf('I64', ne, BigInt64Array.from(Array.from(values, BigInt)));
  }

  /** A leaf of floats of any type that holds single values; for grids over types. */
  float(type: 'F32' | 'F16' | 'BF16', ne: readonly number[], values?: Values): Tensor {
    return type === 'F32' ? this.f32(ne, values) : type === 'F16' ? this.f16(ne, values) : this.bf16(ne, values);
  }

  /** A weight of random blocks of ordinary size, of any type. */
  weight(type: GgmlTypeName, ne: readonly number[]): Tensor {
    if (type === 'F32' || type === 'F16' || type === 'BF16') return this.float(type, ne);
    const blocks = ne.reduce((n, extent) => n * extent, 1) / supportedFormat(type).blockElements;
    return this.leaf(type, ne, ordinaryBlocks(type, blocks, this.seed++));
  }

  /** A window into a tensor's memory. @param nb strides of dimensions 1 to 3, bytes */
  view(t: Tensor, ne: readonly number[], nb: readonly number[], offset = 0): Tensor {
    const [n0, n1, n2, n3] = dims(ne);
    const [b1 = 0, b2 = b1 * n1, b3 = b2 * n2] = nb;
    return this.op('ggml_view_4d', 'Tllllzzzz', t, n0, n1, n2, n3, b1, b2, b3, offset);
  }

  permute(t: Tensor, a: number, b: number, c: number, d: number): Tensor {
    return this.op('ggml_permute', 'Tiiii', t, a, b, c, d);
  }

  /** Any `ggml_…(ctx, …)` that returns a tensor. @param types of the arguments, see C_TYPES */
  op(name: string, types: string, ...values: unknown[]): Tensor {
    const args = Array.from(types, (t) => defined(C_TYPES[t], `argument type ${t}`));
    return call(name, 'void *', ['void *', ...args], [this.context, ...values]) as Tensor;
  }

  /** Any `ggml_…(tensor, …)` that changes a node: an offset, sinks, a precision. */
  alter(name: string, types: string, ...values: unknown[]): void {
    const args = Array.from(types, (t) => defined(C_TYPES[t], `argument type ${t}`));
    call(name, 'void', args, values);
  }

  private random(ne: readonly number[]): Float32Array {
    return randomValues(
      ne.reduce((n, extent) => n * extent, 1),
      this.seed++,
    );
  }

  private leaf(type: GgmlTypeName, ne: readonly number[], values: ArrayBufferView): Tensor {
    const [n0, n1, n2, n3] = dims(ne);
    const t = this.op('ggml_new_tensor_4d', 'illll', GgmlType[type], n0, n1, n2, n3);
    openNative().library.ggml_set_name(t, `x${this.data.size}`);
    this.data.set(t, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return t;
  }

  private compute(node: Tensor): LibraryRun {
    const { backend, library } = openNative();
    library.ggml_set_name(node, 'out');
    const graph = call('ggml_new_graph', 'void *', ['void *'], [this.context]);
    call('ggml_build_forward_expand', 'void', ['void *', 'void *'], [graph, node]);
    const buffer = call('ggml_backend_alloc_ctx_tensors', 'void *', ['void *', 'void *'], [this.context, backend]);
    try {
      for (const [t, bytes] of this.data) {
        if (bytes.length === 0) continue;
        call('ggml_backend_tensor_set', 'void', ['void *', 'void *', 'size_t', 'size_t'], [t, bytes, 0, bytes.length]);
      }
      const status = call('ggml_backend_graph_compute', 'int', ['void *', 'void *'], [backend, graph]);
      assert(status === 0, `ggml_backend_graph_compute gave ${String(status)}`);
      return this.captured(node);
    } finally {
      call('ggml_backend_buffer_free', 'void', ['void *'], [buffer]);
    }
  }

  /** The graph as a capture shows it. */
  private captured(result: Tensor): LibraryRun {
    const builder = new GraphBuilder();
    const values: Record<string, Stored> = {};
    const weights: Record<string, { type: GgmlTypeName; ne: Dims; bytes: Uint8Array }> = {};
    const know = (address: Tensor): void => {
      if (builder.idOf(address) !== undefined) return;
      const raw = readTensor(address);
      for (const source of [...raw.src, raw.viewSrc]) if (source !== 0n) know(source);
      const bytes = this.data.get(address);
      if (!bytes) {
        builder.addNode(address, raw);
        return;
      }
      const isInput = traceType(typeName(raw.type)) !== undefined;
      const leaf = builder.addLeaf(address, raw, isInput ? 'input' : 'weight');
      if (!isInput) weights[leaf.name] = { type: leaf.type, ne: leaf.ne, bytes };
    };
    know(result);
    const { graph } = builder.finish();
    for (const t of graph.tensors) {
      if (t.role !== 'input') continue;
      const bytes = defined(this.data.get([...this.data.keys()][Number(t.name.slice(1))]!), `data of ${t.name}`);
      values[t.key] = stored(defined(traceType(t.type), t.type).dtype, t.ne, bytes);
    }
    const node = tensorOf(graph, defined(builder.idOf(result), 'the judged node'));
    return {
      graph,
      node,
      captured: memoryTrace(values),
      weights: weightsOf(weights),
      result: readResult(result, node),
    };
  }
}

function dims(ne: readonly number[]): Dims {
  return [ne[0] ?? 1, ne[1] ?? 1, ne[2] ?? 1, ne[3] ?? 1];
}

function typeName(id: number): GgmlTypeName {
  const found = Object.entries(GgmlType).find(([, value]) => value === id);
  return defined(found, `ggml type ${id}`)[0] as GgmlTypeName;
}

function readResult(address: Tensor, node: GraphTensor): Float32Array {
  const { dtype, bytes } = defined(traceType(node.type), `a result of ${node.type}`);
  const { library } = openNative();
  if (elementCount(node.ne) === 0) return new Float32Array(0);
  assert(spanBytes(node) > 0, 'a result without bytes');
  const packed = new TensorReader().read(node, bytes, (dst, offset, length) =>
    library.ggml_backend_tensor_get(address, dst, offset, length),
  );
  return bytesToF32(dtype, packed.slice());
}
