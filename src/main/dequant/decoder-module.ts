import fs from 'node:fs';
import { QuarrelError } from '../../shared/base/errors';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { wasmPath } from '../entry-path';

/**
 * Decodes `blocks` blocks at address `src` (any alignment) to f32 at address `dst`; addresses in bytes within the
 * module's memory.
 */
export type WasmDequantize = (src: number, blocks: number, dst: number) => void;

/** An address within the module's memory that its sources fix. */
interface Address {
  readonly value: number;
}

/** What src/main/dequant/assembly/index.ts exports. */
export type DecoderExports = Readonly<Record<GgmlTypeName, WasmDequantize>> & Readonly<Record<TableName, Address>>;

/** The tables that the owner of the memory writes, see assembly/tables.ts; `TABLES_END` is the first byte after them. */
export type TableName =
  | 'KSIGNS'
  | 'IQ2XXS_GRID'
  | 'IQ2XS_GRID'
  | 'IQ2S_GRID'
  | 'IQ3XXS_GRID'
  | 'IQ3S_GRID'
  | 'IQ1S_GRID_TIMES_8'
  | 'TABLES_END';

let compiled: WebAssembly.Module | undefined;

/** The compiled decoders, once per process (threads get it from their owner). Throws QuarrelError when not built. */
export function decoderModule(): WebAssembly.Module {
  compiled ??= compile(wasmPath('decoders'));
  return compiled;
}

function compile(path: string): WebAssembly.Module {
  const bytes = fs.readFileSync(path);
  try {
    return new WebAssembly.Module(bytes);
  } catch (error) {
    throw new QuarrelError(`${path}: not a module that this runtime can load: ${(error as Error).message}`);
  }
}

/** The decoders over `memory`. They keep no state of their own: threads share the memory, each with an instance. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): DecoderExports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as DecoderExports;
}
