import type { GraphTensor } from '../graph/graph';
import { elementCount } from '../graph/graph';
import { graphOfStep, splitStepKey } from './steps';
import type { TraceEntry, TraceManifest } from './trace';

/** What is wrong with checkpoints as results of the file's own graph; undefined where they fit it. */
export function entriesFault(manifest: TraceManifest, entries: Iterable<TraceEntry>): string | undefined {
  const byStep = new Map<number, ReadonlyMap<string, GraphTensor>>();
  for (const { key: whole, shape } of entries) {
    const { step, key } = splitStepKey(whole);
    const tensors = byStep.get(step) ?? new Map(graphOfStep(manifest, step)?.tensors.map((t) => [t.key, t]));
    byStep.set(step, tensors);
    const tensor = tensors.get(key);
    if (!tensor || shape.reduce((a, b) => a * b, 1) === elementCount(tensor.ne)) continue;
    return `tensor ${whole} has the shape [${shape.join(', ')}], expected ne [${tensor.ne.join(', ')}] as in the manifest's graph`;
  }
  return undefined;
}
