import { elementCount } from '../graph/graph';
import { ARANGE_OP, FILL_OP, TIMESTEP_EMBEDDING_OP, timestepFrequencies } from '../ops/generate';
import { floatParam, intParam } from '../ops/op';
import { isFloat } from '../ops/tensor-shape';
import type { Plan } from './kernel-call';
import { perElement } from './kernel-call';
import type { PlanRequest } from './plan-op';
import { elementwise, shapeOf } from './plan-parts';

export function planArange(request: PlanRequest): Plan {
  const { node, dst } = request;
  const why = ARANGE_OP.check(shapeOf(request));
  if (why !== undefined) return { unsupported: why };
  return {
    variant: { op: 'arange' },
    dst,
    sources: [],
    values: { first: floatParam(node.opParams, 0), increment: floatParam(node.opParams, 2) },
    byRows: false,
    workgroups: () => perElement(elementCount(dst.ne)),
  };
}

export function planFill(request: PlanRequest): Plan {
  const { node, dst } = request;
  const why = FILL_OP.check(shapeOf(request));
  if (why !== undefined || !isFloat(dst.type)) return { unsupported: why ?? '' };
  return {
    variant: { op: 'fill', dst: dst.type },
    dst,
    sources: [],
    values: { value_bits: (node.opParams[0] ?? 0) >>> 0 },
    byRows: false,
    workgroups: () => perElement(elementCount(dst.ne)),
  };
}

export function planTimestepEmbedding(request: PlanRequest): Plan {
  const { opParams } = request.node;
  const why = TIMESTEP_EMBEDDING_OP.check(shapeOf(request));
  if (why !== undefined) return { unsupported: why };
  const [dim, maxPeriod] = [intParam(opParams, 0), intParam(opParams, 1)];
  const plan = elementwise('timestep_embedding', request, {}, {});
  if ('unsupported' in plan) return plan;
  const make = (): Float32Array => turnWords(timestepFrequencies(dim, maxPeriod, 'exact'));
  return { ...plan, aux: { key: `timesteps ${dim} ${maxPeriod}`, make } };
}

/** Turns per unit of time × 2⁶⁴, upper and lower word, of frequencies in radians. */
function turnWords(frequencies: Float64Array): Float32Array {
  const words = new Uint32Array(Math.max(2, 2 * frequencies.length));
  frequencies.forEach((frequency, j) => {
    const upper = (frequency / (2 * Math.PI)) * 2 ** 32;
    words[2 * j] = Math.floor(upper);
    words[2 * j + 1] = (upper - Math.floor(upper)) * 2 ** 32;
  });
  return new Float32Array(words.buffer);
}
