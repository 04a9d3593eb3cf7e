import { GgmlType } from '../../src/shared/quant/ggml-type';
import type { GgmlTypeName } from '../../src/shared/quant/ggml-type';
import { rowBytes } from '../../src/shared/quant/registry';
import type { Bind } from './ggml-base';
import { QUANTIZED_BLOCKS } from './quantized-blocks';
import { randomWords } from './random';

/** Types that `ggml_quantize_chunk` makes. */
export const QUANTIZABLE: readonly GgmlTypeName[] = [
  ...(['F16', 'BF16', 'Q1_0', 'Q2_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0', 'MXFP4', 'NVFP4'] as const),
  ...(['Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K', 'TQ1_0', 'TQ2_0', 'IQ4_NL', 'IQ4_XS'] as const),
  ...(['IQ1_S', 'IQ1_M', 'IQ2_XXS', 'IQ2_XS', 'IQ2_S', 'IQ3_XXS', 'IQ3_S'] as const),
];

/** Normally distributed values (Box and Muller 1958). */
export function normalValues(count: number, seed: number): Float32Array<ArrayBuffer> {
  const words = randomWords(2 * count, seed);
  return Float32Array.from({ length: count }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log((words[2 * i]! + 1) / 2 ** 32));
    return radius * Math.cos((2 * Math.PI * words[2 * i + 1]!) / 2 ** 32);
  });
}

/** Rows of a weight matrix as the quantizers meet them: ordinary, small, tiny, large, all zero, one with an outlier. */
export function weightRows(rows: number, columns: number, seed: number): Float32Array<ArrayBuffer> {
  const scales = [0.02, 1, 1e-3, 1e-7, 500, 0];
  const values = normalValues(rows * columns, seed).map((x, i) => x * scales[Math.floor(i / columns) % scales.length]!);
  values[0] = 3;
  return values;
}

/** What the decoder tests quantize: 12 rows, and an importance per column. */
export function quantizerInput(columns: number): { values: Float32Array; importance: Float32Array } {
  return { values: weightRows(12, columns, 21), importance: normalValues(columns, 7).map(Math.abs) };
}

/** Quantizes rows with the library; `importance` weighs the columns (some types demand it). */
export function libraryQuantizer(
  bind: Bind,
): (type: GgmlTypeName, values: Float32Array, columns: number, importance?: Float32Array) => Uint8Array<ArrayBuffer> {
  const quantize = bind(
    'size_t ggml_quantize_chunk(int, const void *src, void *dst, int64_t start, int64_t, int64_t, const void *weights)',
  );
  return (type, values, columns, importance) => {
    const rows = values.length / columns;
    const blocks = new Uint8Array(rows * rowBytes(type, columns));
    quantize(GgmlType[type], values, blocks, 0, rows, columns, importance ?? null);
    return blocks;
  };
}

/** Quantizes rows as the library does while it runs, caches for example: quicker, and for some types not the same. */
export function runTimeQuantizer(
  bind: Bind,
): (type: GgmlTypeName, values: Float32Array, columns: number) => Uint8Array<ArrayBuffer> {
  return (type, values, columns) => {
    const quantize = bind(`void quantize_row_${type.toLowerCase()}_ref(const void *x, void *y, int64_t k)`);
    const blocks = new Uint8Array((values.length / columns) * rowBytes(type, columns));
    quantize(values, blocks, values.length);
    return blocks;
  };
}

/**
 * Blocks of `quantizerInput(columns)` that the library quantized: with importance, and without where the type allows.
 * Stored ones where the quantizer takes seconds to start, unless QUARREL_FULL is set.
 */
export function quantizedBlocks(bind: Bind, type: GgmlTypeName, columns: number): readonly Uint8Array<ArrayBuffer>[] {
  const stored = QUANTIZED_BLOCKS[type];
  if (stored !== undefined && process.env['QUARREL_FULL'] !== '1')
    return [new Uint8Array(Buffer.from(stored, 'base64'))];
  const quantize = libraryQuantizer(bind);
  const { values, importance } = quantizerInput(columns);
  const weighted = quantize(type, values, columns, importance);
  const demandsImportance = bind('bool ggml_quantize_requires_imatrix(int type)')(GgmlType[type]) as boolean;
  return demandsImportance ? [weighted] : [weighted, quantize(type, values, columns)];
}
