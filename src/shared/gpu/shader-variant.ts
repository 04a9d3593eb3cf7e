import type { GgmlTypeName } from '../quant/ggml-type';
import { GgmlType } from '../quant/ggml-type';
import { QUANT_FORMATS } from '../quant/registry';

/** A file of `shaders/ops` without its suffix. */
export type OpShader =
  | 'binary'
  | 'copy'
  | 'decode'
  | 'get_rows'
  | 'glu'
  | 'mul_mat'
  | 'rms_norm'
  | 'rope'
  | 'scale'
  | 'set_rows'
  | 'soft_max'
  | 'unary';

/** Types that the kernels decode as rows of blocks (source 0 of GET_ROWS and MUL_MAT). */
export type BlockType = 'F32' | 'F16' | 'BF16' | 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q5_1' | 'Q8_0' | 'Q4_K' | 'Q5_K' | 'Q6_K';
/** Types whose elements the kernels load one by one. */
export type ElementType = 'F32' | 'F16' | 'BF16' | 'I32';
/** Types that the kernels store. */
export type StoredType = 'F32' | 'F16' | 'I32';

const BLOCK_TYPES: ReadonlySet<GgmlTypeName> = new Set<BlockType>([
  'F32',
  'F16',
  'BF16',
  'Q4_0',
  'Q4_1',
  'Q5_0',
  'Q5_1',
  'Q8_0',
  'Q4_K',
  'Q5_K',
  'Q6_K',
]);

export function isBlockType(type: GgmlTypeName): type is BlockType {
  return BLOCK_TYPES.has(type);
}

export function isElementType(type: GgmlTypeName): type is ElementType {
  return type === 'F32' || type === 'F16' || type === 'BF16' || type === 'I32';
}

/**
 * One compiled form of an op's shader. The key of the pipeline cache and the source text both come from this value and
 * from nothing else.
 */
export interface ShaderVariant {
  readonly op: OpShader;
  /** Chooses `quant/<family>/<type>.wgsl` where the op says `//! require quant`. */
  readonly quant?: BlockType;
  /** Chooses `lib/dst-….wgsl` where the op says `//! require dst`. */
  readonly dst?: StoredType;
  /** Become `const NAME = value;` (integers as u32) ahead of the source; names in capitals. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
}

/** Equal for two variants exactly when their source is. */
export function variantKey(variant: ShaderVariant): string {
  const constants = Object.entries(variant.constants ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = [variant.quant && `quant=${variant.quant}`, variant.dst && `dst=${dstFile(variant.dst)}`];
  return [variant.op, ...parts.filter(Boolean), ...constants.map(([k, v]) => `${k}=${v}`)].join(' ');
}

/** The constant that tells `lib/srcN.wgsl` how to load elements. */
export function elementConstant(source: 0 | 1, type: ElementType): Record<string, number> {
  return { [`SRC${source}_TYPE`]: GgmlType[type] };
}

export function opFile(op: OpShader): string {
  return `ops/${op}.wgsl`;
}

export function quantFile(type: BlockType): string {
  return `quant/${QUANT_FORMATS[type].family}/${type.toLowerCase()}.wgsl`;
}

export function dstFile(type: StoredType): string {
  return type === 'F16' ? 'lib/dst-f16.wgsl' : 'lib/dst-f32.wgsl';
}
