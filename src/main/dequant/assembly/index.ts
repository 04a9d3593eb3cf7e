/**
 * The decoders: one function per GGML type, named like it. `src` holds `blocks` blocks at any alignment, `dst` receives
 * their f32. Equal bits with the scalar references in src/shared/quant, whose file names these files share.
 */
export * from './activation-blocks';
export * from './float';
export * from './i-quants-1';
export * from './i-quants-2';
export * from './i-quants-3';
export * from './i-quants-4';
export * from './integer';
export * from './k-quants';
export * from './k-quants-low';
export * from './legacy';
export * from './microscaling';
export * from './tables';
export * from './ternary';
