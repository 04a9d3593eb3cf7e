import type { JobControl } from '../base/progress';
import type { WeightSource } from '../gguf/model-source';
import type { Graph } from '../graph/graph';
import type { PartialRun } from '../ops/executor';
import type { Checkpoints } from '../ops/run-memory';
import type { TraceSink } from '../trace/trace';

/** One run of a captured graph on the GPU. A `RunRequest` of divergence/lane.ts is one; what the modes mean stands there. */
export interface GpuRunRequest {
  readonly graph: Graph;
  readonly weights: WeightSource;
  readonly captured: Checkpoints;
  readonly mode: { readonly kind: 'free' } | { readonly kind: 'seeded'; readonly seed: Checkpoints };
  readonly sink: TraceSink;
  readonly control: JobControl;
  readonly part?: PartialRun;
}
