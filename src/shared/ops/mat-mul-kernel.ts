/**
 * The one mat-mul kernel: rows of A are decoded once each and multiplied with all columns of B that need them, those
 * of several arithmetics included.
 *
 * Width and order: products and sums in f64 (f16 in sets with `halfSums`), over k ascending, in one accumulator per
 * result; one rounding to f32 at the end. The result does not depend on how rows are cut into chunks.
 */
import { f16ToF32, f32ToF16 } from '../base/float-bits';
import type { Dims } from '../graph/graph';
import type { DequantizeBlocks } from '../quant/format';
import type { GgmlTypeName } from '../quant/ggml-type';
import { readBlockMins } from '../quant/activations';
import { QUANT_FORMATS } from '../quant/registry';

/** B in one arithmetic: columns of `length` values, one after another in the order i11, i12, i13. */
export interface ActivationSet {
  /** K, or K + K/32 where block sums are corrected (Q8_1; see quant/activations.ts). */
  readonly length: number;
  readonly columns: Float64Array;
  /** The result: columns of A.ne[1] values, contiguous. */
  readonly out: Float32Array;
  /** Whether products and sums are rounded to f16, each in turn. */
  readonly halfSums?: boolean;
}

/** Which columns of B each plane (i02, i03) of A multiplies, and which columns of the result that gives. */
export interface ColumnPairs {
  /** The planes that multiply any, as i02 + i03 × A.ne[2], ascending; the others are never read. */
  readonly planes: Int32Array;
  /** planes[p] has the pairs starts[p] to starts[p + 1] − 1. */
  readonly starts: Int32Array;
  /** Columns of B. */
  readonly from: Int32Array;
  /** Columns of the result, each once. */
  readonly to: Int32Array;
}

/** Columns of the result are sums over columns of B, with rows of A: plain data, so that it can be sent to a worker. */
export interface MatMulJob {
  readonly type: GgmlTypeName;
  /** Extents and strides (bytes) of A; rows are dense. */
  readonly ne: Dims;
  readonly nb: Dims;
  /** Byte offset of A's first element in the memory or weight that holds it. */
  readonly offset: number;
  readonly pairs: ColumnPairs;
  readonly sets: readonly ActivationSet[];
}

/** Bytes of A: `bytes[at]` is byte `offset` of the memory or weight. Valid until the next call. */
export type ReadWindow = (offset: number, length: number) => { readonly bytes: Uint8Array; readonly at: number };

/** Bytes of A per chunk: enough to make a window and a message cheap, few enough to stay in a CPU cache. */
const CHUNK_BYTES = 128 * 1024;

/** Rows of A per chunk of work; a chunk never leaves its plane (i02, i03). */
export function rowsPerChunk(job: MatMulJob): number {
  return Math.max(1, Math.min(job.ne[1], Math.floor(CHUNK_BYTES / Math.max(1, job.nb[1]))));
}

export function chunkCount(job: MatMulJob): number {
  return Math.ceil(job.ne[1] / rowsPerChunk(job)) * job.pairs.planes.length;
}

/** Multiply-adds of the whole job. */
export function matMulWork(job: MatMulJob): number {
  return job.ne[0] * job.ne[1] * job.pairs.to.length * job.sets.length;
}

/** Computes chunk `index` of `chunkCount(job)`. */
export function multiplyChunk(job: MatMulJob, index: number, read: ReadWindow, decode: DequantizeBlocks): void {
  const { ne, nb, pairs } = job;
  const step = rowsPerChunk(job);
  const chunksPerPlane = Math.ceil(ne[1] / step);
  const p = Math.floor(index / chunksPerPlane);
  const plane = pairs.planes[p] as number;
  const i02 = plane % ne[2];
  const i03 = Math.floor(plane / ne[2]);
  const begin = (index % chunksPerPlane) * step;
  const end = Math.min(ne[1], begin + step);

  const { blockElements, blockBytes } = QUANT_FORMATS[job.type];
  const blocks = ne[0] / blockElements;
  const extended = job.sets.some((s) => s.length > ne[0]);
  const row = new Float32Array(extended ? ne[0] + blocks : ne[0]);
  const from = pairs.from.subarray(pairs.starts[p], pairs.starts[p + 1]);
  const to = pairs.to.subarray(pairs.starts[p], pairs.starts[p + 1]);
  const first = job.offset + begin * nb[1] + i02 * nb[2] + i03 * nb[3];
  const window = read(first, (end - begin - 1) * nb[1] + blocks * blockBytes);
  for (let i01 = begin; i01 < end; i01++) {
    const at = window.at + (i01 - begin) * nb[1];
    decode(window.bytes, at, blocks, row, 0);
    if (extended) readBlockMins(window.bytes, at, blocks, blockBytes, row, ne[0]);
    for (const set of job.sets) (set.halfSums ? multiplyRowInHalves : multiplyRow)(row, set, from, to, i01, ne[1]);
  }
}

/**
 * One row of A with all its columns of B, four at a time so that the row's values are loaded once for four sums.
 * @param stride values per column of the result
 */
function multiplyRow(
  row: Float32Array,
  set: ActivationSet,
  from: Int32Array,
  to: Int32Array,
  i01: number,
  stride: number,
): void {
  const { length, columns: x, out } = set;
  let c = 0;
  for (; c + 3 < from.length; c += 4) {
    let o0 = (from[c] as number) * length;
    let o1 = (from[c + 1] as number) * length;
    let o2 = (from[c + 2] as number) * length;
    let o3 = (from[c + 3] as number) * length;
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let k = 0; k < length; k++) {
      const w = row[k] as number;
      s0 += w * (x[o0++] as number);
      s1 += w * (x[o1++] as number);
      s2 += w * (x[o2++] as number);
      s3 += w * (x[o3++] as number);
    }
    out[(to[c] as number) * stride + i01] = s0;
    out[(to[c + 1] as number) * stride + i01] = s1;
    out[(to[c + 2] as number) * stride + i01] = s2;
    out[(to[c + 3] as number) * stride + i01] = s3;
  }
  for (; c < from.length; c++) {
    let o0 = (from[c] as number) * length;
    let s0 = 0;
    for (let k = 0; k < length; k++) s0 += (row[k] as number) * (x[o0++] as number);
    out[(to[c] as number) * stride + i01] = s0;
  }
}

/** As `multiplyRow`, with every product and every partial sum rounded to f16. */
function multiplyRowInHalves(
  row: Float32Array,
  set: ActivationSet,
  from: Int32Array,
  to: Int32Array,
  i01: number,
  stride: number,
): void {
  const { length, columns: x, out } = set;
  for (let c = 0; c < from.length; c++) {
    let o = (from[c] as number) * length;
    let sum = 0;
    for (let k = 0; k < length; k++) {
      const product = f16ToF32(f32ToF16((row[k] as number) * (x[o++] as number)));
      sum = f16ToF32(f32ToF16(sum + product));
    }
    out[(to[c] as number) * stride + i01] = sum;
  }
}
