import fs from 'node:fs';

import { assert } from '../../shared/base/assert';
import type { ValueSums } from '../../shared/compare/decode-values';
import { NON_FINITE_BINS, VALUE_BINS } from '../../shared/compare/decode-values';
import { wasmPath } from '../entry-path';

/** Values examined at a time: raw bytes and two lanes stay in the second-level cache. */
export const WINDOW_VALUES = 1 << 15;
/** Bytes of the widest type, f64 or i64. */
const MAX_VALUE_BYTES = 8;

const PAGE = 65_536;
const WINDOW_BYTES = 4 * WINDOW_VALUES;
/** The module itself keeps nothing in memory; the first page stays free, so that no address is 0. */
const JUDGE = PAGE;
const LANE = JUDGE + WINDOW_BYTES;
const RAW = LANE + WINDOW_BYTES;
const MEASURES = RAW + MAX_VALUE_BYTES * WINDOW_VALUES;
const END = MEASURES + PAGE;
/** Maximum that the module declares. */
const MAX_PAGES = 65_536;

/** Layout of assembly/measure.ts, bytes. */
const AT = { sum: 0, squares: 16, min: 32, max: 48, zeros: 64, nans: 80, histograms: 96 } as const;

interface Exports {
  firstDifference(a: number, b: number, count: number): number;
  resetMeasures(to: number): void;
  measure(values: number, count: number, to: number): void;
  resetHash(): void;
  updateHash(from: number, bytes: number): void;
  finishHash(from: number, bytes: number): bigint;
}

/** One thread's windows in WASM memory, and the loops over them (assembly/index.ts). */
export class ValueKernel {
  /** Blocks of the window, as the file has them. */
  readonly raw: Uint8Array<SharedArrayBuffer>;
  readonly judge: Float32Array<SharedArrayBuffer>;
  readonly judgeBits: Int32Array<SharedArrayBuffer>;
  readonly lane: Float32Array<SharedArrayBuffer>;
  readonly laneBits: Int32Array<SharedArrayBuffer>;
  private readonly memory: SharedArrayBuffer;
  private readonly exports: Exports;

  /** Throws QuarrelError when the module is not built. */
  constructor() {
    const memory = new WebAssembly.Memory({ initial: END / PAGE, maximum: MAX_PAGES, shared: true });
    const module = new WebAssembly.Module(fs.readFileSync(wasmPath('verify')));
    this.exports = new WebAssembly.Instance(module, { env: { memory } }).exports as Exports;
    const shared = memory.buffer;
    this.memory = shared;
    this.raw = new Uint8Array(shared, RAW, MAX_VALUE_BYTES * WINDOW_VALUES);
    this.judge = new Float32Array(shared, JUDGE, WINDOW_VALUES);
    this.judgeBits = new Int32Array(shared, JUDGE, WINDOW_VALUES);
    this.lane = new Float32Array(shared, LANE, WINDOW_VALUES);
    this.laneBits = new Int32Array(shared, LANE, WINDOW_VALUES);
  }

  /** Index of a difference between judge and lane, rounded down to a multiple of 16; `count` where all bits are equal. */
  firstDifference(count: number): number {
    return this.exports.firstDifference(JUDGE, LANE, count);
  }

  reset(): void {
    this.exports.resetMeasures(MEASURES);
    this.exports.resetHash();
  }

  /** Adds the judge's first `count` values to statistics and hash; only the last window of a tile is not full. */
  add(count: number): void {
    assert(count <= WINDOW_VALUES, `${count} values in a window of ${WINDOW_VALUES}`);
    this.exports.measure(JUDGE, count, MEASURES);
    this.exports.updateHash(JUDGE, (4 * count) & ~31);
  }

  /** Whether any added value is a NaN or an infinity. */
  sawNonFinite(): boolean {
    const parts = new Uint32Array(this.memory, MEASURES + AT.histograms, 4 * VALUE_BINS);
    for (let i = 0; i < parts.length; i += VALUE_BINS) {
      for (const bin of NON_FINITE_BINS) if (parts[i + bin] !== 0) return true;
    }
    return false;
  }

  /** XXH64 of all added values as little-endian f32, given how many were in the last window. */
  hash(lastCount: number): bigint {
    const tail = (4 * lastCount) & 31;
    return BigInt.asUintN(64, this.exports.finishHash(JUDGE + 4 * lastCount - tail, tail));
  }

  /** XXH64 of `bytes`, which must fit the judge's window. */
  hashOf(bytes: Uint8Array): bigint {
    new Uint8Array(this.memory, JUDGE, WINDOW_BYTES).set(bytes);
    this.exports.resetHash();
    this.exports.updateHash(JUDGE, bytes.length & ~31);
    return BigInt.asUintN(64, this.exports.finishHash(JUDGE + (bytes.length & ~31), bytes.length & 31));
  }

  /** Statistics of all added values. */
  sums(count: number, firstNonFinite: number): Omit<ValueSums, 'bins'> & { readonly bins: Uint32Array } {
    const view = new DataView(this.memory, MEASURES);
    const f64 = (at: number): number => view.getFloat64(at, true) + view.getFloat64(at + 8, true);
    const four = <T>(get: (offset: number) => T, at: number): T[] => [0, 4, 8, 12].map((i) => get(at + i));
    const f32s = (at: number): number[] => four((offset) => view.getFloat32(offset, true), at);
    const total = (at: number): number => four((offset) => view.getInt32(offset, true), at).reduce((a, b) => a + b);
    const bins = new Uint32Array(VALUE_BINS);
    const parts = new Uint32Array(this.memory, MEASURES + AT.histograms, 4 * VALUE_BINS);
    for (let i = 0; i < parts.length; i++) bins[i % VALUE_BINS]! += parts[i]!;
    return {
      count,
      sum: f64(AT.sum),
      squares: f64(AT.squares),
      min: Math.min(...f32s(AT.min)),
      max: Math.max(...f32s(AT.max)),
      zeros: total(AT.zeros),
      nans: total(AT.nans),
      bins,
      firstNonFinite,
    };
  }
}
