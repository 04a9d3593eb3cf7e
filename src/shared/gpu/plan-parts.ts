import { elementCount } from '../graph/graph';
import type { OpShape } from '../ops/op';
import type { Operand, Plan } from './kernel-call';
import { perElement } from './kernel-call';
import type { PlanRequest } from './plan-op';
import type { ElementType, OpShader, StoredType } from './shader-variant';
import { elementConstant, isElementType } from './shader-variant';
import type { FieldValues } from './wgsl-struct';

type FloatOperand = Operand & { readonly type: Exclude<ElementType, 'I32'> };

function isFloatOperand(operand: Operand): operand is FloatOperand {
  return isElementType(operand.type) && operand.type !== 'I32';
}

/** The first types that a kernel does not load or store; undefined when it takes all. */
export function refusal(dst: Operand, ...sources: readonly (Operand | undefined)[]): string | undefined {
  return dst.type === 'F32' ? sourceRefusal(...sources) : `result of type ${dst.type}`;
}

/** The first source that a kernel does not load. */
export function sourceRefusal(...sources: readonly (Operand | undefined)[]): string | undefined {
  for (const source of sources) {
    if (!source) return 'a source is missing';
    if (!isFloatOperand(source)) return `source of type ${source.type}`;
  }
  return undefined;
}

/** What the op's shape rule looks at. */
export function shapeOf({ node, dst, src }: PlanRequest): OpShape {
  return { kind: node.kind, opParams: node.opParams, dst, src };
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

/** A call with one float source, an F32 result, and one invocation per element. */
export function elementwise(
  op: OpShader,
  { dst, src: [src0] }: PlanRequest,
  constants: Record<string, number | boolean>,
  values: Record<string, number>,
): Plan {
  const why = refusal(dst, src0);
  if (why !== undefined || !src0) return { unsupported: why ?? '' };
  return elementwiseOf(op, dst, [src0], constants, values);
}

/** A call with one invocation per element of the result, which is of any float type; the op's shape rule was asked. */
export function elementwiseOf(
  op: OpShader,
  dst: Operand,
  sources: readonly Operand[],
  constants: Record<string, number | boolean>,
  values: FieldValues,
): Plan {
  const why = sourceRefusal(...sources);
  if (why !== undefined) return { unsupported: why };
  return {
    variant: { op, dst: dst.type as StoredType, constants: { ...typeConstants(...sources), ...constants } },
    dst,
    sources,
    values,
    byRows: false,
    workgroups: () => perElement(elementCount(dst.ne)),
  };
}
