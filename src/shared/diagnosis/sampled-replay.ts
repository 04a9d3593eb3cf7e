/**
 * A large mat-mul on some rows of its weight: every row gives an output channel of its own, so hypotheses are first
 * tried on those that are most wrong and on some in between.
 */
import { defined } from '../base/assert';
import type { NodeId } from '../base/brand';
import type { WeightSource, WeightTensor } from '../gguf/model-source';
import type { Dims, Graph, GraphTensor } from '../graph/graph';
import { elementCount, tensorOf } from '../graph/graph';
import type { Arithmetic } from '../ops/arithmetic';
import { rowBytes } from '../quant/registry';
import type { Prediction, Replay, Replayed } from './replay';
import type { Site } from './site';
import { workOf } from './work';

/** Weights with fewer elements are multiplied in a few milliseconds. */
const LEAST_ELEMENTS = 1 << 19;
/** Rows taken because they are most wrong, and as many evenly spaced over the weight. */
const ROWS = 96;

/** Undefined where the judged node is no mat-mul of a large weight, or a stretch lies before it. */
export function sampledReplay(whole: Replay): Replayed | undefined {
  const { end, graph, nodes } = whole;
  const id = end.src[0];
  if (end.kind !== 'MUL_MAT' || nodes.length !== 1 || id === undefined) return undefined;
  const weight = tensorOf(graph, id);
  const [, rows, ...planes] = weight.ne;
  const isMatrix = weight.role === 'weight' && planes.every((n) => n === 1) && end.ne[2] * end.ne[3] === 1;
  if (!isMatrix || elementCount(weight.ne) < LEAST_ELEMENTS || rows <= 4 * ROWS) return undefined;
  return new SampledReplay(whole, weight, tellingRows(whole, rows));
}

/** The judged mat-mul with these rows of its weight alone. */
export function replayOfRows(whole: Replay, weight: GraphTensor, rows: readonly number[]): Replayed {
  return new SampledReplay(whole, weight, Int32Array.from(rows));
}

/** The rows whose channels have the largest squared errors, and others; ascending. */
function tellingRows(whole: Replay, rows: number): Int32Array {
  const right = whole.right('exact');
  const error = new Float64Array(rows);
  for (let i = 0; i < right.length; i++) {
    if (whole.mask !== undefined && whole.mask[i] === 0) continue;
    const d = Math.abs(whole.wrong[i]! - right[i]!);
    error[i % rows]! += Number.isNaN(d) ? Infinity : d * d;
  }
  const byError = Array.from({ length: rows }, (_, r) => r).sort((a, b) => error[b]! - error[a]!);
  const spread = Array.from({ length: ROWS }, (_, i) => Math.floor((i * (rows - 1)) / (ROWS - 1)));
  return Int32Array.from([...new Set([...byError.slice(0, ROWS), ...spread])].sort((a, b) => a - b));
}

class SampledReplay implements Replayed {
  readonly nodes: readonly GraphTensor[];
  readonly wrong: Float32Array;
  readonly mask: Uint8Array | undefined;
  readonly arithmetics: readonly Arithmetic[];
  readonly work: number;
  private readonly end: GraphTensor;
  private readonly graph: Graph;
  private readonly weights: WeightSource;

  constructor(
    private readonly whole: Replay,
    weight: GraphTensor,
    private readonly rows: Int32Array,
  ) {
    const { end, graph } = whole;
    this.end = { ...end, ne: withExtent(end.ne, 0, rows.length) };
    const sampled = { ...weight, ne: withExtent(weight.ne, 1, rows.length) };
    const tensors = graph.tensors.map((t) => (t.id === end.id ? this.end : t.id === weight.id ? sampled : t));
    this.graph = { ...graph, tensors };
    this.nodes = [this.end];
    this.work = workOf(this.graph, this.nodes);
    this.arithmetics = whole.arithmetics;
    this.wrong = this.channels(whole.wrong, new Float32Array(this.size));
    this.mask = whole.mask && this.channels(whole.mask, new Uint8Array(this.size));
    this.weights = sampledWeights(whole.weights, weight.ne, rows);
  }

  right(arithmetic: Arithmetic): Float32Array {
    return this.channels(this.whole.right(arithmetic), new Float32Array(this.size));
  }

  site(_node: GraphTensor, arithmetic: Arithmetic): Site | undefined {
    const site = this.whole.site(this.whole.end, arithmetic);
    const { graph, weights, wrong, mask, end: node } = this;
    return site && { ...site, graph, node, weights, wrong, mask, right: this.right(arithmetic) };
  }

  predict(changes: ReadonlyMap<NodeId, Prediction>, arithmetic: Arithmetic): Promise<Float32Array> {
    const prediction = defined(changes.get(this.end.id), `a change at ${this.end.key}`);
    const site = defined(this.site(this.end, arithmetic), `the site ${this.end.key}`);
    return Promise.resolve(prediction(site));
  }

  private get size(): number {
    return elementCount(this.end.ne);
  }

  private channels<T extends Float32Array | Uint8Array>(values: T, out: T): T {
    const all = this.whole.end.ne[0];
    const n = this.rows.length;
    for (let i = 0; i < out.length; i++) {
      out[i] = values[Math.floor(i / n) * all + (this.rows[i % n] as number)] as number;
    }
    return out;
  }
}

function withExtent(ne: Dims, dimension: 0 | 1, extent: number): Dims {
  return dimension === 0 ? [extent, ne[1], ne[2], ne[3]] : [ne[0], extent, ne[2], ne[3]];
}

/** The same rows of every weight of this shape: a hypothesis may read another one. */
function sampledWeights(weights: WeightSource, ne: Dims, rows: Int32Array): WeightSource {
  return {
    label: weights.label,
    tensor: (name) => {
      const found = weights.tensor(name);
      return found && found.ne.every((n, d) => n === ne[d]) ? sampledTensor(found, rows) : found;
    },
  };
}

function sampledTensor(whole: WeightTensor, rows: Int32Array): WeightTensor {
  const bytes = rowBytes(whole.type, whole.ne[0]);
  return {
    name: whole.name,
    type: whole.type,
    ne: withExtent(whole.ne, 1, rows.length),
    byteLength: bytes * rows.length,
    copyInto: (offset, length, dst, dstOffset) => {
      for (let done = 0; done < length;) {
        const row = Math.floor((offset + done) / bytes);
        const within = (offset + done) % bytes;
        const count = Math.min(bytes - within, length - done);
        whole.copyInto((rows[row] as number) * bytes + within, count, dst, dstOffset + done);
        done += count;
      }
    },
  };
}
