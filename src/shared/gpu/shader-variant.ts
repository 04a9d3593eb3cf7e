import type { GgmlTypeName } from '../quant/ggml-type';
import { GgmlType } from '../quant/ggml-type';
import { QUANT_FORMATS } from '../quant/registry';

/** A file of `shaders/ops` without its suffix. */
export type OpShader =
  | 'argmax'
  | 'add_id'
  | 'arange'
  | 'argsort'
  | 'binary'
  | 'clamp'
  | 'conv_transpose_1d'
  | 'copy'
  | 'copy_blocks'
  | 'copy_words'
  | 'cumsum'
  | 'decode'
  | 'diagonals'
  | 'fill'
  | 'gated_delta_net'
  | 'gated_linear_attn'
  | 'dsv4_hc_comb'
  | 'dsv4_hc_post'
  | 'dsv4_hc_pre'
  | 'flash_attn'
  | 'get_rows'
  | 'get_rows_words'
  | 'glu'
  | 'im2col'
  | 'l2_norm'
  | 'leaky_relu'
  | 'math'
  | 'lightning_indexer'
  | 'measure'
  | 'measure_subgroups'
  | 'mul_mat'
  | 'mul_mat_id'
  | 'norm'
  | 'out_prod'
  | 'pad'
  | 'pool_1d'
  | 'probe'
  | 'rms_norm'
  | 'rope'
  | 'rwkv_wkv6'
  | 'rwkv_wkv7'
  | 'scale'
  | 'set'
  | 'set_rows'
  | 'sin_cos'
  | 'soft_max'
  | 'solve_tri'
  | 'ssm_conv'
  | 'ssm_scan'
  | 'sum'
  | 'timestep_embedding'
  | 'top_k'
  | 'unary'
  | 'upscale';

/** Types that the kernels decode as rows of blocks (source 0 of GET_ROWS and MUL_MAT): each has a file in shaders/quant. */
export type BlockType = GgmlTypeName;
/** Types whose elements the kernels load one by one. */
export type ElementType = 'F32' | 'F16' | 'BF16' | 'I32';
/** Types that the kernels store. */
export type StoredType = 'F32' | 'F16' | 'BF16' | 'I32';

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
  /** The same by source, where the op says `//! require quant for src1`. */
  readonly quantOf?: Readonly<Record<number, BlockType>>;
  /** Chooses `lib/dst-….wgsl` where the op says `//! require dst`. */
  readonly dst?: StoredType;
  /** Become `const NAME = value;` (integers as u32) ahead of the source; names in capitals. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
}

/** Equal for two variants exactly when their source is. */
export function variantKey(variant: ShaderVariant): string {
  const constants = Object.entries(variant.constants ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const quants = Object.entries(variant.quantOf ?? {}).map(([source, type]) => `quant${source}=${type}`);
  const parts = [variant.quant && `quant=${variant.quant}`, ...quants, variant.dst && `dst=${dstFile(variant.dst)}`];
  return [variant.op, ...parts.filter(Boolean), ...constants.map(([k, v]) => `${k}=${v}`)].join(' ');
}

/** The constant that tells `lib/srcN.wgsl` how to load elements. */
export function elementConstant(source: number, type: ElementType): Record<string, number> {
  return { [`SRC${source}_TYPE`]: GgmlType[type] };
}

export function opFile(op: OpShader): string {
  return `ops/${op}.wgsl`;
}

export function quantFile(type: BlockType): string {
  return `quant/${QUANT_FORMATS[type].family}/${type.toLowerCase()}.wgsl`;
}

/** Where the decoders' notes go: the probe keeps them. */
export function notesFile(op: OpShader): string {
  return op === 'probe' ? 'lib/notes-kept.wgsl' : 'lib/notes-dropped.wgsl';
}

export function dstFile(type: StoredType): string {
  return type === 'F16' || type === 'BF16' ? `lib/dst-${type.toLowerCase()}.wgsl` : 'lib/dst-f32.wgsl';
}
