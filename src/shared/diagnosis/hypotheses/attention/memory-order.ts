import type { Dims, GraphTensor } from '../../../graph/graph';

/** Elements to skip in memory per step of each dimension; undefined unless the view permutes memory without gaps. */
function permutedSteps(t: GraphTensor): Dims | undefined {
  const steps = stepsOf(t);
  if (!steps) return undefined;
  const { ne } = t;
  const order = [0, 1, 2, 3]
    .filter((d) => (ne[d] as number) > 1)
    .sort((a, b) => (steps[a] as number) - (steps[b] as number));
  let dense = 1;
  for (const d of order) {
    if (steps[d] !== dense) return undefined;
    dense *= ne[d] as number;
  }
  const isIdentity = order.every((d, i) => i === 0 || d > (order[i - 1] as number));
  return isIdentity ? undefined : steps;
}

/** Whether the tensor is a view whose elements lie in another order, one after another. */
export function isPermuted(t: GraphTensor): boolean {
  return permutedSteps(t) !== undefined;
}

/** The elements in the order in which they lie in memory: what one reads who takes the view for contiguous. */
export function inMemoryOrder(t: GraphTensor, values: Float32Array): Float32Array {
  const steps = permutedSteps(t);
  if (!steps) return values;
  const [n0, n1, n2, n3] = t.ne;
  const [s0, s1, s2, s3] = steps;
  const out = new Float32Array(values.length);
  let at = 0;
  for (let i3 = 0; i3 < n3; i3++) {
    for (let i2 = 0; i2 < n2; i2++) {
      for (let i1 = 0; i1 < n1; i1++) {
        let to = i1 * s1 + i2 * s2 + i3 * s3;
        for (let i0 = 0; i0 < n0; i0++, to += s0) out[to] = values[at++] as number;
      }
    }
  }
  return out;
}

/**
 * A view with gaps, read from its memory with other strides.
 * @param memory all of the tensor that the view lies in, contiguous and of the view's type
 * @param steps elements to skip per step of each dimension
 * @param first element of `memory` where the reading starts
 * @returns undefined where that reaches past the memory
 */
export function readFrom(memory: Float32Array, ne: Dims, steps: Dims, first: number): Float32Array | undefined {
  const [n0, n1, n2, n3] = ne;
  const [s0, s1, s2, s3] = steps;
  const last = first + (n0 - 1) * s0 + (n1 - 1) * s1 + (n2 - 1) * s2 + (n3 - 1) * s3;
  if (last >= memory.length) return undefined;
  const out = new Float32Array(n0 * n1 * n2 * n3);
  let at = 0;
  for (let i3 = 0; i3 < n3; i3++) {
    for (let i2 = 0; i2 < n2; i2++) {
      for (let i1 = 0; i1 < n1; i1++) {
        const from = first + i1 * s1 + i2 * s2 + i3 * s3;
        for (let i0 = 0; i0 < n0; i0++) out[at++] = memory[from + i0 * s0] as number;
      }
    }
  }
  return out;
}

/** Elements per step of each dimension of a view; undefined for blocks and indices. */
export function stepsOf({ nb, type }: GraphTensor): Dims | undefined {
  if (type !== 'F32' && type !== 'F16' && type !== 'BF16') return undefined;
  const size = type === 'F32' ? 4 : 2;
  return nb.map((bytes) => bytes / size) as unknown as Dims;
}

export function contiguousSteps(ne: Dims): Dims {
  return [1, ne[0], ne[0] * ne[1], ne[0] * ne[1] * ne[2]];
}
