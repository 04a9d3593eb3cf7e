import { shapeOfNe } from './safetensors';
import type { GraphTensor } from '../graph/graph';
import type { TraceEntry, TraceSource } from './trace';

/** A checkpoint that takes the place of a trace's own, or is added to it. */
export interface Replacement {
  readonly node: GraphTensor;
  read(): Float32Array<ArrayBuffer>;
}

/** The trace with other values at some nodes, by key; its own where there is nothing to replace. */
export function overlaid<T extends TraceSource>(trace: T, changes: ReadonlyMap<string, Replacement>): T | TraceSource {
  if (changes.size === 0) return trace;
  const { label, engine, tokens, manifest, declared } = trace;
  const added = [...changes].map(([key, { node }]): [string, TraceEntry] => [
    key,
    { key, dtype: 'F32', shape: shapeOfNe(node.ne) },
  ]);
  const readF32 = (key: string): Float32Array<ArrayBuffer> => changes.get(key)?.read() ?? trace.readF32(key);
  return {
    ...{ label, engine, tokens, manifest, ...(declared ? { declared } : {}) },
    entries: new Map([...trace.entries, ...added]),
    readF32,
    readRaw: (key) => (changes.has(key) ? new Uint8Array(readF32(key).buffer) : trace.readRaw(key)),
  };
}
