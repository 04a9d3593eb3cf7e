/** Where the lanes' runs end: the last node of each step, against llama.cpp's. */
import type { JobControl } from '../../shared/base/progress';
import { givesIndices } from '../../shared/compare/index-results';
import { nmseOf } from '../../shared/compare/metrics';
import { lastNode } from '../../shared/divergence/assemble-verdict';
import type { ConformanceLane, LaneEnd } from '../../shared/divergence/conformance';
import type { Graph } from '../../shared/graph/graph';
import { tensorOf } from '../../shared/graph/graph';
import { StateMemories } from '../../shared/ops/state-memories';
import type { TraceSource } from '../../shared/trace/trace';
import type { WeightView } from '../files/weight-view';
import { runReference } from '../lanes/reference-run';
import type { CapturedStep, CaptureSession } from './capture-session';
import type { Owned } from './owned';
import type { OwnStepLane } from './step-lanes';

export interface ModelRun {
  readonly session: CaptureSession;
  readonly control: JobControl;
  readonly owned: Owned;
  readonly request: { readonly lanes: readonly ConformanceLane[] };
}

/** Follows a session on the reference (exact and, beside it, in llama.cpp's own arithmetic) and on webgpu. */
export class LaneEnds {
  private readonly states = new StateMemories();

  /**
   * @param webgpu where that lane runs too; owned by the run from here on
   * @param seed what every node runs on; its own results when absent
   */
  constructor(
    private readonly run: ModelRun,
    private readonly weights: WeightView,
    private readonly webgpu: OwnStepLane | undefined,
    private readonly seed?: (step: CapturedStep) => TraceSource,
  ) {
    if (webgpu) run.owned.add(webgpu);
  }

  async next(step: CapturedStep): Promise<LaneEnd> {
    const { exact, ggml } = await this.reference(step);
    const trace = (await this.webgpu?.next(step))?.trace;
    const end = lastValues(step.graph, step.captured);
    return {
      nmse: {
        reference: this.run.request.lanes.includes('reference') ? distance(end, exact) : null,
        webgpu: distance(end, trace && lastValues(step.graph, trace)),
      },
      rounding: distance(exact, ggml),
    };
  }

  /** Only the last node is kept. */
  private async reference(step: CapturedStep): Promise<{ exact?: Float32Array; ggml?: Float32Array }> {
    const { weights, states, seed, run } = this;
    const { graph, captured } = step;
    const end = lastNode(graph);
    const ends: { exact?: Float32Array; ggml?: Float32Array } = {};
    const mode = seed ? ({ kind: 'seeded', seed: seed(step) } as const) : ({ kind: 'free' } as const);
    await runReference(
      { graph, weights, captured, control: run.control, states, mode },
      {
        arithmetics: ['exact', 'ggml'],
        onNode: ({ tensor, results }) => {
          if (tensor.id === end?.id) Object.assign(ends, results);
        },
      },
    );
    return ends;
  }
}

/** Whether the graph picks experts or positions by the rank of their values, where a near tie decides. */
export function choosesByRank(graph: Graph): boolean {
  return graph.order.some((id) => givesIndices(tensorOf(graph, id).kind));
}

/** llama.cpp's own choices and nothing else of its run. */
export function choicesOf({ graph, captured }: CapturedStep): TraceSource {
  const kinds = new Map(graph.tensors.map((t) => [t.key, t.kind]));
  const chosen = ([key]: readonly [string, unknown]): boolean => {
    const kind = kinds.get(key);
    return kind !== undefined && givesIndices(kind);
  };
  return {
    label: captured.label,
    engine: captured.engine,
    tokens: captured.tokens,
    manifest: captured.manifest,
    entries: new Map([...captured.entries].filter(chosen)),
    readF32: (key) => captured.readF32(key),
    readRaw: (key) => captured.readRaw(key),
  };
}

function lastValues(graph: Graph, trace: TraceSource): Float32Array | undefined {
  const node = lastNode(graph);
  return node && trace.entries.has(node.key) ? trace.readF32(node.key) : undefined;
}

/** NMSE; null where one of the two is missing. */
function distance(from: Float32Array | undefined, to: Float32Array | undefined): number | null {
  return from && to ? nmseOf(from, to) : null;
}
