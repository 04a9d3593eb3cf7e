import { elementCount } from '../graph/graph';
import type { Operand, Plan } from './kernel-call';
import { perElement } from './kernel-call';
import type { PlanRequest } from './plan-op';
import type { ElementType, OpShader } from './shader-variant';
import { elementConstant, isElementType } from './shader-variant';

type FloatOperand = Operand & { readonly type: Exclude<ElementType, 'I32'> };

function isFloatOperand(operand: Operand): operand is FloatOperand {
  return isElementType(operand.type) && operand.type !== 'I32';
}

/** The first types that a kernel does not load or store; undefined when it takes all. */
export function refusal(dst: Operand, ...sources: readonly (Operand | undefined)[]): string | undefined {
  if (dst.type !== 'F32') return `result of type ${dst.type}`;
  for (const source of sources) {
    if (!source) return 'a source is missing';
    if (!isFloatOperand(source)) return `source of type ${source.type}`;
  }
  return undefined;
}

/** Tells the kernel the element types of its sources, in their order; what `refusal` has let pass. */
export function typeConstants(...sources: readonly (Operand | undefined)[]): Record<string, number> {
  return Object.assign(
    {},
    ...sources.map((source, i) => (source ? elementConstant(i, source.type as ElementType) : {})),
  ) as Record<string, number>;
}

/** op_params as the f32 whose bits lie in them. */
export function f32Params(opParams: readonly number[]): Float32Array {
  return new Float32Array(Int32Array.from(opParams).buffer);
}

/** A call with one source and one invocation per element. */
export function elementwise(
  op: OpShader,
  request: PlanRequest,
  constants: Record<string, number>,
  values: Record<string, number>,
): Plan {
  const { dst, src } = request;
  const why = refusal(dst, src[0]);
  if (why !== undefined) return { unsupported: why };
  const src0 = src[0] as Operand;
  return {
    variant: { op, constants: { ...typeConstants(src0), ...constants } },
    dst,
    sources: [src0],
    values,
    byRows: false,
    workgroups: () => perElement(elementCount(dst.ne)),
  };
}
