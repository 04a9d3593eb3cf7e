import type { Dims, Graph } from '../graph/graph';

/** Element types that are read from a trace file (safetensors names). */
export type TraceDtype = 'F64' | 'F32' | 'F16' | 'BF16' | 'F8_E4M3' | 'F8_E5M2' | IntegerDtype;
type IntegerDtype = 'I64' | 'I32' | 'I16' | 'I8' | 'U64' | 'U32' | 'U16' | 'U8';

/** What an engine says of its own arithmetic where the stored types do not show it. */
export interface DeclaredPrecision {
  /** In which type activations are held between ops, whatever the file stores. */
  readonly activations?: 'F32' | 'F16' | 'BF16';
  /** In which type dot products are added up; F32 when absent. */
  readonly accumulation?: 'F32' | 'F16';
}

export interface TraceEntry {
  readonly key: string;
  readonly dtype: TraceDtype;
  /** safetensors shape: ne reversed, leading 1s dropped. */
  readonly shape: readonly number[];
}

/** Statistics of one checkpoint; always kept, even where the tensor itself is not. */
export interface TensorStats {
  readonly count: number;
  /** Over finite elements; NaN when there are none. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
  readonly l2: number;
  readonly sum: number;
  readonly nan: number;
  readonly inf: number;
  /** The first 8 values in memory order (JSON keeps non-finite ones as strings). */
  readonly first: readonly number[];
}

/** What a lane adds beside the tensors; stored as JSON under `__metadata__.manifest`. */
export interface TraceManifest {
  readonly schema: 'quarrel.trace/1';
  readonly model: string;
  /** The graph that was captured or run; foreign dumps have none. */
  readonly graph?: Graph;
  readonly stats: Readonly<Record<string, TensorStats>>;
  /** Microseconds per node key. */
  readonly timings: Readonly<Record<string, number>>;
  /** Nodes that this lane could not compute, with the reason ("not measured: OP"). */
  readonly notMeasured: readonly NotMeasured[];
  /** Text of the prompt's tokens, where the model has a vocabulary. */
  readonly pieces?: readonly string[];
  /** Library version, adapter, threads … as the lane describes itself. */
  readonly provenance: Readonly<Record<string, string>>;
  /** Tokens of the same sequence that were evaluated before these; 0 when absent. */
  readonly past?: number;
  /** Decode steps after the prompt, in a file that holds them too (steps.ts). */
  readonly steps?: readonly StepManifest[];
}

/** One decode step of a trace of several. */
export interface StepManifest {
  readonly tokens: readonly number[];
  readonly past: number;
  readonly pieces?: readonly string[];
  /** Its graph, unless it is that of an earlier step. */
  readonly graph?: Graph;
  /** The step (0: the prompt) with the very same graph. */
  readonly sameGraphAs?: number;
}

export interface NotMeasured {
  readonly node: string;
  readonly op: string;
  readonly reason: string;
}

/** A trace that can be read; reads go to disk each time, nothing is kept in memory. */
export interface TraceSource {
  /** Where it lies, for messages. */
  readonly label: string;
  readonly engine: string;
  readonly tokens: readonly number[];
  readonly manifest: TraceManifest | undefined;
  readonly declared?: DeclaredPrecision;
  readonly entries: ReadonlyMap<string, TraceEntry>;
  /** Type of each tensor that is there and cannot be read, by its key. */
  readonly unreadable?: ReadonlyMap<string, string>;
  /** The checkpoint as f32 (integers are read exactly with `readRaw`). Throws QuarrelError when absent. */
  readF32(key: string): Float32Array<ArrayBuffer>;
  /** The stored bytes, little-endian. */
  readRaw(key: string): Uint8Array<ArrayBuffer>;
}

/** Receives checkpoints one by one as a lane computes them; each goes straight to disk. */
export interface TraceSink {
  /** `data` is contiguous, little-endian, ne[0] fastest. */
  write(key: string, dtype: TraceDtype, ne: Dims, data: Uint8Array | Float32Array): void;
  /** Records a node's time in microseconds. */
  time(key: string, microseconds: number): void;
  notMeasured(entry: NotMeasured): void;
}
