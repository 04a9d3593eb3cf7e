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

const REQUIRE = /^\/\/! require (\S+?)(?: for src([1-6]))?\s*$/;
const BINDING = /@group\(0\)\s*@binding\((\d+)\)\s*var<([\w, ]+)>\s+(\w+)/g;
const BINDING_NAMES: readonly string[] = ['params', 'dst', ...SOURCES, 'aux', 'codebook'] satisfies BindingName[];
const SOURCE_FILE = /^lib\/src(\d)\.wgsl$/;
const SOURCE_TEMPLATE = 'lib/source.wgsl';
/** With the files of `quant/`, those that read source 0 as blocks; another source gets copies under names of its own. */
const BLOCK_LIBRARIES: ReadonlySet<string> = new Set([
  'lib/weights.wgsl',
  'lib/codebook.wgsl',
  'lib/scale-min-k4.wgsl',
]);
const DECLARATION = /^(?:fn|const|struct|alias) (\w+)/gm;

/**
 * Joins the op's file with everything it requires (each file once, requirements first) and puts the variant's constants
 * ahead. What is required `for src1` reads that source in place of source 0; its names end in `_src1`. Params layout and bindings are parsed from the result, so WGSL stays their only source.
 */
export function composeShader(variant: ShaderVariant, source: ShaderSource): ComposedShader {
  const lines: string[] = [];
  const origins: (SourceLine | undefined)[] = [];
  for (const [name, value] of Object.entries(variant.constants ?? {})) {
    lines.push(`const ${name} = ${typeof value === 'boolean' ? value : `${value}u`};`);
    origins.push(undefined);
  }
  const done = new Set<string>();
  const blockNames = new Set<string>();
  const append = (path: string, reading: number): void => {
    const copy = path.startsWith('quant/') || BLOCK_LIBRARIES.has(path) ? reading : 0;
    if (done.has(`${path} ${copy}`)) return;
    done.add(`${path} ${copy}`);
    const text = readPart(path, source);
    for (const line of text.split(/\r?\n/)) {
      const [, required, other] = REQUIRE.exec(line) ?? [];
      const of = other === undefined ? copy : Number(other);
      if (required !== undefined) append(resolve(required, variant, path, of), of);
    }
    const own = copy === 0 ? text : readingSource(text, copy, blockNames);
    own.split(/\r?\n/).forEach((line, i) => {
      lines.push(line);
      origins.push({ path, line: i + 1 });
    });
  };
  append(opFile(variant.op), 0);
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

/**
 * A file about blocks of source 0, made one about another source's.
 * @param names those that such files declare; this file's are added
 */
function readingSource(text: string, index: number, names: Set<string>): string {
  for (const [, name] of text.matchAll(DECLARATION)) names.add(name as string);
  const binding = `@binding(${SOURCE_BINDINGS[0]}) var<storage, read> src0`;
  return text
    .replace(binding, binding.replace(String(SOURCE_BINDINGS[0]), String(SOURCE_BINDINGS[index])))
    .replace(/\bsrc0\b/g, sourceName(index))
    .replace(/\b[A-Za-z_]\w*\b/g, (name) => (names.has(name) ? `${name}_${sourceName(index)}` : name));
}

function resolve(required: string, variant: ShaderVariant, path: string, reading: number): string {
  if (required === 'quant') {
    const type = reading === 0 ? variant.quant : variant.quantOf?.[reading];
    assert(type, `${path} requires quant, variant ${variantKey(variant)} names no type`);
    return quantFile(type);
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
