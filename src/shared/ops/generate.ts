/**
 * Tensors made from parameters: ARANGE, FILL, TIMESTEP_EMBEDDING. Source: `ggml_compute_forward_arange_f32`,
 * `ggml_compute_forward_fill_f32`, `ggml_compute_forward_timestep_embedding_f32` in ggml-cpu/ops.cpp.
 */
import type { Arithmetic } from './arithmetic';
import { intermediateRounding } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, floatParam, forEachRow, intParam, needDecodable, needExtents, needFloatResult, sourceOf } from './op';
import { dimsText } from './tensor-shape';

/** dst[i] = start + step × i, rounded once (ggml's step × i is rounded too where the CPU cannot fuse); op_params: start, stop, step. */
export const ARANGE_OP: InlineOp = { how: 'inline', check: checkArange, compute: arange };

/** dst = c everywhere; op_params: c. Of source 0 only the shape counts. */
export const FILL_OP: InlineOp = { how: 'inline', check: checkFill, compute: fill };

/**
 * Column i of dst: cos(t f_j) for j < half, then sin(t f_j), a zero where dim is odd; t = src0[i], half = ⌊dim / 2⌋,
 * f_j = exp(−ln(max_period) j / half). op_params: dim, max_period. `ggml`: every step in f32.
 */
export const TIMESTEP_EMBEDDING_OP: InlineOp = { how: 'inline', check: checkTimesteps, compute: embedTimesteps };

function checkArange({ dst, opParams }: OpShape): string | undefined {
  const [start, stop, step] = [0, 1, 2].map((i) => floatParam(opParams, i)) as [number, number, number];
  const steps = Math.ceil(Math.fround(Math.fround(stop - start) / step));
  return firstOf(
    dst.type !== 'F32' && `the result is ${dst.type}; F32 is expected`,
    !(steps === dst.ne[0] && dst.ne[1] * dst.ne[2] * dst.ne[3] === 1) &&
      `${steps} steps from ${start} to ${stop} for ${dimsText(dst.ne)}`,
  );
}

function arange(call: OpCall): void {
  const start = floatParam(call.opParams, 0);
  const step = floatParam(call.opParams, 2);
  const row = Float32Array.from({ length: call.dst.ne[0] }, (_, i) => start + step * i);
  call.dst.writeRow(0, 0, 0, row, 0);
}

function checkFill(node: OpShape): string | undefined {
  return firstOf(needExtents(node, 0, node.dst.ne), needFloatResult(node));
}

function fill(call: OpCall): void {
  const row = new Float32Array(call.dst.ne[0]).fill(floatParam(call.opParams, 0));
  forEachRow(call.dst.ne, (i1, i2, i3) => call.dst.writeRow(i1, i2, i3, row, 0));
}

function checkTimesteps(node: OpShape): string | undefined {
  const { dst, src, opParams } = node;
  const [dim, maxPeriod] = [intParam(opParams, 0), intParam(opParams, 1)];
  const n = src[0]?.ne[0];
  return firstOf(
    needDecodable(node, 0),
    needFloatResult(node),
    !(dim === dst.ne[0] && n === dst.ne[1] && dst.ne[2] * dst.ne[3] === 1) &&
      `${n} timesteps in ${dim} dimensions for ${dimsText(dst.ne)}`,
    maxPeriod < 1 && `max_period ${maxPeriod}`,
  );
}

/** Radians per unit of time, fastest first. */
export function timestepFrequencies(dim: number, maxPeriod: number, arithmetic: Arithmetic): Float64Array {
  const r = intermediateRounding(arithmetic);
  const half = Math.floor(dim / 2);
  const rate = -r(Math.log(r(maxPeriod)));
  return Float64Array.from({ length: half }, (_, j) => r(Math.exp(r(r(rate * j) / half))));
}

function embedTimesteps(call: OpCall): void {
  const times = sourceOf(call, 0);
  const [dim, count] = call.dst.ne;
  const r = intermediateRounding(call.arithmetic);
  const frequencies = timestepFrequencies(dim, intParam(call.opParams, 1), call.arithmetic);
  const t = new Float32Array(count);
  times.readRow(0, 0, 0, t, 0);
  const row = new Float32Array(dim);
  for (let i = 0; i < count; i++) {
    frequencies.forEach((frequency, j) => {
      const angle = r((t[i] as number) * frequency);
      row[j] = Math.cos(angle);
      row[j + frequencies.length] = Math.sin(angle);
    });
    call.dst.writeRow(i, 0, 0, row, 0);
  }
}
