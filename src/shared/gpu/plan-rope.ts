import { hasDenseRows } from '../ops/tensor-shape';
import { ROPE_OP } from '../ops/rope';
import type { RopeParams } from '../ops/rope-angles';
import { pairCount, ROPE_MODE, ropeMagnitude, ropePairs, ropeParams, yarnMix } from '../ops/rope-angles';
import { elementCount } from '../graph/graph';
import type { Operand, Plan } from './kernel-call';
import { perElement } from './kernel-call';
import { refusal, shapeOf, typeConstants } from './plan-parts';
import type { PlanRequest } from './plan-op';
import { elementConstant, isElementType } from './shader-variant';

const exactly = (x: number): number => x;

/** @param direction 1 for ROPE, −1 for ROPE_BACK */
export function planRope(request: PlanRequest, direction: 1 | -1): Plan {
  const { node, dst, src } = request;
  const [x, positions, factors] = src;
  const why = ROPE_OP.check(shapeOf(request)) ?? refused(request);
  if (why !== undefined || !x || !positions) return { unsupported: why ?? '' };
  const rope = ropeParams(node.opParams);
  const known = factors && knownFactors(request, factors);
  const inKernel = factors && !known ? factors : undefined;
  const frequencies = ropeFrequencies(rope, known).map((f) => f * direction);
  const strange = frequencies.find((f) => !(Math.abs(f) < MOST_TURNS));
  if (strange !== undefined) return { unsupported: `a frequency of ${strange} turns` };
  return {
    variant: {
      op: 'rope',
      dst: dst.type === 'F16' || dst.type === 'BF16' ? dst.type : 'F32',
      constants: {
        ...typeConstants(x),
        // an I64 position is read by its low word, at the I64's stride
        ...elementConstant(1, 'I32'),
        ...elementConstant(2, inKernel && isElementType(inKernel.type) ? inKernel.type : 'F32'),
        HALVES: rope.mode !== ROPE_MODE.NORM,
        HAS_FACTORS: inKernel !== undefined,
      },
    },
    dst,
    sources: [x, positions, inKernel ?? positions],
    aux: {
      key: `rope ${node.kind} ${node.opParams.join(',')} ${known?.join(',') ?? ''}`,
      make: () => frequencyWords(rope, frequencies),
    },
    values: { first: rope.firstChannel, pairs: pairCount(rope), magnitude: ropeMagnitude(rope, exactly) },
    byRows: false,
    workgroups: () => perElement(elementCount(dst.ne)),
  };
}

function refused({ dst, src }: PlanRequest): string | undefined {
  const [x, , factors] = src;
  return refusal({ ...dst, type: 'F32' }, x, ...(factors ? [factors] : []));
}

/** Factors that lie in an input or a weight; computed ones the kernel divides by. */
function knownFactors(request: PlanRequest, factors: Operand): Float32Array | undefined {
  if (factors.type !== 'F32' || !hasDenseRows(factors)) return undefined;
  const bytes = request.contents(2);
  return bytes && new Float32Array(bytes.buffer, bytes.byteOffset, factors.ne[0]);
}

/** What the kernel's table holds at most. */
const MOST_TURNS = 2 ** 32;

/** Turns per position of every pair, in f64. */
export function ropeFrequencies(rope: RopeParams, factors?: Float32Array): readonly number[] {
  const mix = yarnMix(rope, exactly);
  return ropePairs(rope).map(({ steps }, i) => {
    const radians = rope.freqBase ** ((-2 * steps) / rope.dims) / (factors?.[i] ?? 1);
    const share = mix[i] as number;
    return (radians * (rope.freqScale * (1 - share) + share)) / (2 * Math.PI);
  });
}

/** The words of ops/rope.wgsl, four per pair. */
export function frequencyWords(rope: RopeParams, frequencies: readonly number[]): Float32Array {
  const words = new Uint32Array(4 * frequencies.length);
  for (const [i, { component }] of ropePairs(rope).entries()) {
    const turns = frequencies[i] as number;
    let rest = Math.abs(turns);
    words[4 * i] = component + (turns < 0 ? 4 : 0);
    for (let w = 1; w <= 3; w++) {
      words[4 * i + w] = Math.floor(rest);
      rest = (rest - Math.floor(rest)) * 2 ** 32;
    }
  }
  return new Float32Array(words.buffer);
}
