import type { NodeId } from '../base/brand';
import type { Progress } from '../base/progress';
import type { Result } from '../base/result';
import type { WeightPrecision } from '../gguf/ablated-weights';
import type { ProbeReport } from '../gpu/probe-block';
import type { GgmlTypeName } from '../quant/ggml-type';
import type { Failure } from './contract';

/**
 * What the job worker asks of the GPU window. Tensors never cross: the window maps the model file and reads and writes
 * traces on disk itself; single blocks do. Main only relays, and answers for the window when it cannot.
 */
export interface GpuContract {
  /** Compiles nothing, runs nothing: which adapter would run, as provenance of the lane. */
  describe(request: GpuWindowLane): GpuDescription;
  /** Runs a captured graph as the next of its sequence; the trace is complete at `outPath` when the answer comes. */
  run(request: GpuWindowRun): null;
  /** Gives back what the runs of a sequence share. Harmless for one that never ran. */
  endSequence(request: { readonly sequence: number }): null;
  /** Decodes a few blocks, and probes the first of them. */
  decodeBlocks(request: GpuDecodeRequest): GpuDecodedBlocks;
}

export interface GpuWindowLane {
  readonly label: string;
  /** Folder whose files replace files of `shaders/`. */
  readonly overlayDir?: string;
}

export interface GpuDescription {
  readonly provenance: Readonly<Record<string, string>>;
}

export interface GpuWindowRun extends GpuWindowLane {
  /** Runs of one number share their states (KV cache, recurrent state). */
  readonly sequence: number;
  /** Whether the sequence begins with it; states of a window that is gone are not to be taken for zeros. */
  readonly first: boolean;
  readonly modelPath: string;
  readonly precision: WeightPrecision;
  /** Trace captured from llama.cpp, with the graph in its manifest. */
  readonly capturedPath: string;
  /** Trace whose values every node runs on; a free run when absent. */
  readonly seedPath?: string;
  readonly outPath: string;
  /** The part of the graph that runs; all of it when absent. */
  readonly part?: GpuWindowPart;
}

/** `PartialRun` of shared/ops/executor.ts, as it travels. */
export interface GpuWindowPart {
  readonly runs: readonly NodeId[];
  readonly given: readonly NodeId[];
  /** Trace with the given values. */
  readonly valuesPath?: string;
}

export interface GpuDecodeRequest {
  readonly type: GgmlTypeName;
  /** Whole blocks, as they lie in the file: few, and the very bytes that the other lanes decode. */
  readonly blocks: Uint8Array<ArrayBuffer>;
  readonly overlayDir?: string;
}

export interface GpuDecodedBlocks {
  /** The adapter. */
  readonly engine: string;
  readonly values: Float32Array<ArrayBuffer>;
  /** What the kernel computed for the first block, or why that cannot be told. */
  readonly probe: Result<ProbeReport>;
}

export type GpuCallName = keyof GpuContract;
export type GpuRequest<N extends GpuCallName> = Parameters<GpuContract[N]>[0];
export type GpuAnswer<N extends GpuCallName> = ReturnType<GpuContract[N]>;

/** One call with its request, as it travels. */
export type GpuCall = {
  readonly [N in GpuCallName]: { readonly name: N; readonly request: GpuRequest<N> };
}[GpuCallName];

/** Job worker → main → GPU window. */
export type GpuMessage =
  | { readonly kind: 'start'; readonly id: number; readonly call: GpuCall }
  | { readonly kind: 'cancel'; readonly id: number };

/** GPU window → main → job worker. */
export type GpuEvent =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly kind: 'done'; readonly id: number; readonly answer: GpuAnswer<GpuCallName> }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: Failure };
