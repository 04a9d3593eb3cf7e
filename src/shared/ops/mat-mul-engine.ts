import type { WeightTensor } from '../gguf/model-source';
import type { MatMulJob, ReadWindow } from './mat-mul-kernel';
import { chunkCount, multiplyChunk } from './mat-mul-kernel';
import type { Allocate, Memory } from './memory';
import { allocateLocal } from './memory';
import type { DecoderFor } from './operand';
import { referenceDecoder } from './operand';

/** Where a mat-mul's A lies. */
export type MatMulSource =
  { readonly kind: 'weight'; readonly tensor: WeightTensor } | { readonly kind: 'memory'; readonly memory: Memory };

/** Runs mat-muls: in place, or on worker threads that read weights from the mapped file themselves. */
export interface MatMulEngine {
  /** Memory that the engine's workers can reach. */
  readonly allocate: Allocate;
  /** Fills `out` of every set. Throws CancelledError when cancelled meanwhile. */
  multiply(job: MatMulJob, source: MatMulSource): Promise<void>;
}

/** Reads a weight in windows of whole rows through one buffer that grows to the largest. */
export function weightWindows(tensor: WeightTensor): ReadWindow {
  let buffer = new Uint8Array(0);
  return (offset, length) => {
    if (buffer.length < length) buffer = new Uint8Array(length);
    tensor.copyInto(offset, length, buffer, 0);
    return { bytes: buffer, at: 0 };
  };
}

export function windowsOf(source: MatMulSource): ReadWindow {
  if (source.kind === 'weight') return weightWindows(source.tensor);
  const bytes = source.memory.u8;
  return (offset) => ({ bytes, at: offset });
}

/** Computes every chunk at once, in this thread. */
export function multiplyHere(job: MatMulJob, source: MatMulSource, decoderFor: DecoderFor = referenceDecoder): void {
  const read = windowsOf(source);
  const decode = decoderFor(job.type);
  const chunks = chunkCount(job);
  for (let i = 0; i < chunks; i++) multiplyChunk(job, i, read, decode);
}

/** The engine without workers, for tests, small models and places that have no threads. */
export function createInlineEngine(): MatMulEngine {
  return {
    allocate: allocateLocal,
    multiply: (job, source) => {
      multiplyHere(job, source);
      return Promise.resolve();
    },
  };
}
