/** The precision in which a candidate computes: what its dump says, else what its nodes show together. */
import { isMatMul } from '../graph/ggml-op';
import type { DeclaredPrecision } from '../trace/trace';
import type { StoredPrecision } from '../trace/stored-precision';
import type { JudgedNode } from './examine';
import type { InferredPrecision, Precision } from './rounding';

/** What a dump tells of itself: in its metadata, or by values that lie on a narrower type's grid. */
export interface ToldPrecision {
  readonly declared: DeclaredPrecision['activations'];
  readonly stored: StoredPrecision | undefined;
}

/** Share of the mat-muls that have to round to say that the engine computes so, and not one kernel. */
export const EVERYWHERE = 0.25;
/** NMSE to exact arithmetic up to which a mat-mul was computed in f32: f32 sums leave 1e-12, f16 ones 1e-8. */
const EXACT_IN_F32 = 1e-10;
/** Mat-muls that it takes to say anything. */
const LEAST_NODES = 3;

/** From coarse to fine: the coarsest that shows everywhere is named. */
const LEVELS: readonly Precision[] = ['Q4', 'Q8', 'BF16', 'F16', 'TF32'];

export function inferPrecision(
  judged: readonly JudgedNode[],
  { declared, stored }: Partial<ToldPrecision> = {},
): InferredPrecision | null {
  if (declared && declared !== 'F32') {
    return { level: declared, declared: true, text: `computes in ${declared}, as its dump says` };
  }
  if (stored) {
    const { type, count, of } = stored;
    const text = `computes in ${type}: ${count} of ${of} checkpoints hold ${type} values, though they are stored as F32`;
    return { level: type, declared: false, text };
  }
  const matMuls = judged.filter(({ node }) => isMatMul(node.kind));
  const enough = matMuls.length >= LEAST_NODES;
  for (const level of enough ? LEVELS : []) {
    const count = matMuls.filter(({ judgement: { rounding } }) => rounding?.to === level).length;
    if (count >= EVERYWHERE * matMuls.length) {
      return {
        level,
        declared: false,
        text: `computes in ${level}: ${count} of ${matMuls.length} mat-muls round to it`,
      };
    }
  }
  const exact = matMuls.filter(({ judgement }) => (judgement.toExact ?? Infinity) <= EXACT_IN_F32).length;
  if (!enough || 2 * exact <= matMuls.length) return null;
  return {
    level: 'F32',
    declared: false,
    text: `computes in F32: ${exact} of ${matMuls.length} mat-muls are that exact`,
  };
}
