import { assert } from '../base/assert';
import { QuarrelError } from '../base/errors';
import type { ShaderVariant } from './shader-variant';
import { dstFile, notesFile, opFile, quantFile, variantKey } from './shader-variant';
import type { WgslStruct } from './wgsl-struct';
import { parseStruct, withoutComments } from './wgsl-struct';

/** Reads files of `shaders/` by relative path with forward slashes. Throws QuarrelError when a file is missing. */
export interface ShaderSource {
  read(path: string): string;
}

/** A line of a shader file; lines count from 1. */
export interface SourceLine {
  readonly path: string;
  readonly line: number;
}

/** Variables that hold sources, by their number; what lib/source.wgsl becomes. */
const SOURCES = ['src0', 'src1', 'src2', 'src3', 'src4', 'src5', 'src6'] as const;
/** Their bindings. 2 to 5 were given away before a kernel had more than two sources. */
const SOURCE_BINDINGS = [2, 3, 6, 7, 8, 9, 10] as const;

/** Name of a variable that a dispatch binds a buffer to. */
export type BindingName = 'params' | 'dst' | (typeof SOURCES)[number] | 'aux' | 'codebook';

/** The variable of a kernel's source `index`. */
export function sourceName(index: number): (typeof SOURCES)[number] {
  const name = SOURCES[index];
  assert(name, `a kernel has at most ${SOURCES.length} sources`);
  return name;
}

export interface ShaderBinding {
  readonly name: BindingName;
  readonly binding: number;
  readonly type: GPUBufferBindingType;
}

/** A variant's WGSL with what was read off it. */
export interface ComposedShader {
  readonly key: string;
  readonly code: string;
  readonly params: WgslStruct;
  readonly bindings: readonly ShaderBinding[];
  /** Where a line (from 1) of `code` comes from; undefined for the generated constants. */
  readonly origin: (line: number) => SourceLine | undefined;
}

const REQUIRE = /^\/\/! require (\S+)\s*$/;
const BINDING = /@group\(0\)\s*@binding\((\d+)\)\s*var<([\w, ]+)>\s+(\w+)/g;
const BINDING_NAMES: readonly string[] = ['params', 'dst', ...SOURCES, 'aux', 'codebook'] satisfies BindingName[];
const SOURCE_FILE = /^lib\/src(\d)\.wgsl$/;
const SOURCE_TEMPLATE = 'lib/source.wgsl';

/**
 * Joins the op's file with everything it requires (each file once, requirements first) and puts the variant's constants
 * ahead. Params layout and bindings are parsed from the result, so WGSL stays their only source.
 */
export function composeShader(variant: ShaderVariant, source: ShaderSource): ComposedShader {
  const lines: string[] = [];
  const origins: (SourceLine | undefined)[] = [];
  for (const [name, value] of Object.entries(variant.constants ?? {})) {
    lines.push(`const ${name} = ${typeof value === 'boolean' ? value : `${value}u`};`);
    origins.push(undefined);
  }
  const done = new Set<string>();
  const append = (path: string): void => {
    if (done.has(path)) return;
    done.add(path);
    const text = readPart(path, source).split(/\r?\n/);
    for (const line of text) {
      const required = REQUIRE.exec(line)?.[1];
      if (required !== undefined) append(resolve(required, variant, path));
    }
    text.forEach((line, i) => {
      lines.push(line);
      origins.push({ path, line: i + 1 });
    });
  };
  append(opFile(variant.op));
  const code = lines.join('\n');
  return {
    key: variantKey(variant),
    code,
    params: parseParams(code, variant),
    bindings: parseBindings(code),
    origin: (line) => origins[line - 1],
  };
}

/** A file's text; `lib/src<i>.wgsl` is made from the template of all sources. */
function readPart(path: string, source: ShaderSource): string {
  const index = SOURCE_FILE.exec(path)?.[1];
  if (index === undefined) return source.read(path);
  const name = sourceName(Number(index));
  return source
    .read(SOURCE_TEMPLATE)
    .replaceAll('SOURCE_BINDING', String(SOURCE_BINDINGS[Number(index)]))
    .replaceAll('SOURCE_TYPE', `${name.toUpperCase()}_TYPE`)
    .replaceAll('source', name);
}

function resolve(required: string, variant: ShaderVariant, path: string): string {
  if (required === 'quant') {
    assert(variant.quant, `${path} requires quant, variant ${variantKey(variant)} names no type`);
    return quantFile(variant.quant);
  }
  if (required === 'dst') {
    assert(variant.dst, `${path} requires dst, variant ${variantKey(variant)} names no type`);
    return dstFile(variant.dst);
  }
  return required === 'notes' ? notesFile(variant.op) : required;
}

function parseParams(code: string, variant: ShaderVariant): WgslStruct {
  try {
    return parseStruct(code, 'Params');
  } catch (error) {
    // an overlay is the user's: its mistakes are no bugs of ours
    throw new QuarrelError(`${opFile(variant.op)}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parseBindings(code: string): readonly ShaderBinding[] {
  return [...withoutComments(code).matchAll(BINDING)].map(([, binding, space, name]) => {
    if (!BINDING_NAMES.includes(name as string)) {
      throw new QuarrelError(`shader variable ${name}: bindings are named ${BINDING_NAMES.join(', ')}`);
    }
    return { name: name as BindingName, binding: Number(binding), type: bindingType(space as string) };
  });
}

function bindingType(space: string): GPUBufferBindingType {
  if (space === 'uniform') return 'uniform';
  return /read_write/.test(space) ? 'storage' : 'read-only-storage';
}
