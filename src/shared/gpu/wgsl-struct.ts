import { assert } from '../base/assert';
import { QuarrelError } from '../base/errors';

/** A value for one field: a number, a vector, or the fields of a nested struct. */
export type FieldValue = number | readonly number[] | FieldValues;
export interface FieldValues {
  readonly [field: string]: FieldValue;
}

type Scalar = 'u32' | 'i32' | 'f32';

/** Layout of a WGSL type in the uniform address space. */
type WgslType =
  | {
      readonly kind: 'vector';
      readonly scalar: Scalar;
      readonly width: number;
      readonly align: number;
      readonly size: number;
    }
  | { readonly kind: 'struct'; readonly fields: readonly WgslField[]; readonly align: number; readonly size: number };

interface WgslField {
  readonly name: string;
  readonly offset: number;
  readonly type: WgslType;
}

/** A struct parsed from WGSL text; `size` in bytes. */
export interface WgslStruct {
  readonly size: number;
  readonly fields: readonly WgslField[];
}

const STRUCT = /\bstruct\s+(\w+)\s*\{([^}]*)\}/g;
const VECTOR = /^(?:vec([234])<)?(u32|i32|f32)>?$/;

/**
 * Lays out `struct name` of a WGSL source by WGSL's rules for the uniform address space: scalars align to 4, vec2 to 8,
 * vec3 and vec4 to 16, structs to 16. Structs it contains must be declared before it. Throws AssertionError on a type
 * that Params do not use (arrays, matrices, attributes).
 */
export function parseStruct(wgsl: string, name: string): WgslStruct {
  const known = new Map<string, WgslType>();
  for (const [, structName, body] of withoutComments(wgsl).matchAll(STRUCT)) {
    const type = layOut(structName as string, body as string, known);
    if (type) known.set(structName as string, type);
    if (structName !== name) continue;
    assert(type?.kind === 'struct', `struct ${name} has a field that cannot lie in a uniform buffer`);
    return { size: type.size, fields: type.fields };
  }
  throw new Error(`no struct ${name} in the WGSL source`);
}

/** WGSL without `//` comments; newlines stay. */
export function withoutComments(wgsl: string): string {
  return wgsl.replace(/\/\/.*$/gm, '');
}

/** undefined when a field's type is none that uniform structs here use (a helper struct with a bool, say). */
function layOut(name: string, body: string, known: ReadonlyMap<string, WgslType>): WgslType | undefined {
  const fields: WgslField[] = [];
  let offset = 0;
  for (const part of body.split(/,(?![^<]*>)/)) {
    const text = part.trim();
    if (text === '') continue;
    const [field, typeName] = text.split(/\s*:\s*/);
    assert(
      field !== undefined && typeName !== undefined,
      `cannot read field ${JSON.stringify(text)} of struct ${name}`,
    );
    const type = known.get(typeName) ?? vectorType(typeName);
    if (!type) return undefined;
    offset = roundUp(offset, type.align);
    fields.push({ name: field, offset, type });
    // in the uniform address space what follows a struct starts at a multiple of 16
    offset += type.kind === 'struct' ? roundUp(type.size, 16) : type.size;
  }
  return { kind: 'struct', fields, align: 16, size: roundUp(offset, 16) };
}

function vectorType(typeName: string): WgslType | undefined {
  const match = VECTOR.exec(typeName);
  if (!match) return undefined;
  const width = Number(match[1] ?? 1);
  return { kind: 'vector', scalar: match[2] as Scalar, width, align: width === 3 ? 16 : 4 * width, size: 4 * width };
}

function roundUp(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple;
}

/**
 * Writes `values` into `view` from byte `base` as the struct lies in memory. Throws QuarrelError when the struct has
 * other fields than `values` (it may be a user's shader), AssertionError when a value does not fit its field.
 */
export function packStruct(struct: WgslStruct, values: FieldValues, view: DataView, base = 0): void {
  for (const name of Object.keys(values)) {
    if (!struct.fields.some((f) => f.name === name)) throw new QuarrelError(`Params lack the field ${name}`);
  }
  for (const { name, offset, type } of struct.fields) {
    const value = values[name];
    if (value === undefined) throw new QuarrelError(`Params have a field ${name} that nothing fills`);
    if (type.kind === 'struct') {
      assert(typeof value === 'object' && !Array.isArray(value), `parameter ${name} is a struct`);
      packStruct(type, value as FieldValues, view, base + offset);
      continue;
    }
    const items = typeof value === 'number' ? [value] : (value as readonly number[]);
    assert(items.length === type.width, `parameter ${name} has ${type.width} components, got ${items.length}`);
    items.forEach((item, i) => setScalar(view, base + offset + 4 * i, type.scalar, item, name));
  }
}

function setScalar(view: DataView, at: number, scalar: Scalar, value: number, name: string): void {
  if (scalar === 'f32') {
    view.setFloat32(at, value, true);
  } else if (scalar === 'u32') {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffffffff, `parameter ${name} = ${value} is no u32`);
    view.setUint32(at, value, true);
  } else {
    assert(Number.isInteger(value) && value >> 0 === value, `parameter ${name} = ${value} is no i32`);
    view.setInt32(at, value, true);
  }
}
