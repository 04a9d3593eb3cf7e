import { defined } from '../base/assert';
import type { JobControl } from '../base/progress';
import type { WeightSource } from '../gguf/model-source';
import type { Graph, GraphTensor } from '../graph/graph';
import { isComputing, tensorOf } from '../graph/graph';
import { stretches } from '../graph/producers';
import type { NotMeasured, TraceDtype, TraceSource } from '../trace/trace';
import type { Judgement } from './judge';
import { judgeNode, noiseFloor } from './judge';
import type { Arithmetic } from './lane';
import { nmseOf } from '../compare/metrics';
import { MARGIN } from '../compare/tolerance';

/** Runs the graph on the CPU reference in several arithmetics at once, seeded from a trace. */
export type ReferenceRun = (
  request: ReferenceRequest,
  onNode: (
    node: GraphTensor,
    results: ReadonlyMap<Arithmetic, Float32Array>,
    /** Source `index` as exact arithmetic read it; only during the callback. */
    source: (index: number) => Float32Array | undefined,
  ) => void,
) => Promise<readonly NotMeasured[]>;

export interface ReferenceRequest {
  readonly graph: Graph;
  readonly weights: WeightSource;
  readonly captured: TraceSource;
  readonly seed: TraceSource;
  readonly arithmetics: readonly Arithmetic[];
  readonly control: JobControl;
}

/** What the candidate computed, and on which inputs. */
export interface Candidate {
  /** The values every node was run on: captured ones for own lanes, the dump's own for a dump. */
  readonly seed: TraceSource;
  /** The candidate's results on those inputs. */
  readonly results: TraceSource;
  dtype(key: string): TraceDtype;
  mask(key: string): Uint8Array | undefined;
  /** The reference lane's results where they were made from the same inputs: one more correct way, once trusted. */
  readonly golden?: TraceSource;
}

export interface JudgedNode {
  readonly node: GraphTensor;
  readonly judgement: Judgement;
  /** Undumped nodes between the nearest checkpoints and this one. */
  readonly stretch: readonly GraphTensor[];
}

export interface Examination {
  /** In graph order. */
  readonly judged: readonly JudgedNode[];
  readonly notMeasured: readonly NotMeasured[];
}

export interface ExamineRequest {
  readonly graph: Graph;
  readonly weights: WeightSource;
  readonly captured: TraceSource;
  readonly candidate: Candidate;
  readonly run: ReferenceRun;
  readonly control: JobControl;
}

/** Correct ways to compute a node, beside exact arithmetic: as ggml does, and in the type the candidate stores. */
function arithmeticsFor(candidate: Candidate): readonly Arithmetic[] {
  const dtypes = new Set([...candidate.results.entries.keys()].map((key) => candidate.dtype(key)));
  return [
    'exact',
    'ggml',
    ...(dtypes.has('F16') ? ['f16' as const] : []),
    ...(dtypes.has('BF16') ? ['bf16' as const] : []),
  ];
}

/** Judges every node that the candidate has, each on the inputs that the candidate itself had. */
export async function examine(request: ExamineRequest): Promise<Examination> {
  const { graph, captured, candidate } = request;
  const judged: JudgedNode[] = [];
  const notMeasured: NotMeasured[] = [];
  const between = stretches(graph, (t) => candidate.seed.entries.has(t.key));
  const maxPosition = Math.max(captured.tokens.length - 1, 0);

  const arithmetics = arithmeticsFor(candidate);
  const unsupported = await request.run({ ...request, seed: candidate.seed, arithmetics }, (node, results, source) => {
    if (!candidate.results.entries.has(node.key)) return;
    const exact = defined(results.get('exact'), `exact result of ${node.key}`);
    const others = arithmetics.flatMap((a) => (a === 'exact' ? [] : (results.get(a) ?? [])));
    const mask = candidate.mask(node.key);
    const stretch = (between.get(node.id) ?? []).map((id) => tensorOf(graph, id));
    const evidence = {
      tensor: node,
      candidate: candidate.results.readF32(node.key),
      exact,
      others,
      ...(mask ? { mask } : {}),
      dtype: candidate.dtype(node.key),
      stretchLength: stretch.length + 1,
      maxPosition,
      source,
    };
    if (!candidate.golden?.entries.has(node.key)) {
      judged.push({ node, stretch, judgement: judgeNode(evidence) });
      return;
    }
    const golden = candidate.golden.readF32(node.key);
    const doubt = distrust(golden, evidence);
    if (doubt === undefined) {
      judged.push({ node, stretch, judgement: judgeNode({ ...evidence, others: [...others, golden] }) });
    } else {
      notMeasured.push({ node: node.key, op: node.kind, reason: doubt });
    }
  });
  const all = [
    ...notMeasured,
    ...unsupported,
    ...(candidate.results.manifest?.notMeasured ?? []),
    ...missingNodes(request),
  ];
  return { judged, notMeasured: [...new Map(all.reverse().map((n) => [n.node, n])).values()].reverse() };
}

/**
 * The reference's own result must agree with our correct ways on the same inputs before either may blame a candidate;
 * where it does not, the node is not measured, with this reason.
 */
function distrust(golden: Float32Array, evidence: Parameters<typeof judgeNode>[0]): string | undefined {
  const floor = noiseFloor({ ...evidence, dtype: 'F32' });
  const distance = Math.min(...[evidence.exact, ...evidence.others].map((way) => nmseOf(way, golden)));
  if (distance <= MARGIN.node * floor) return undefined;
  return `the reference lane's own result is ${distance.toExponential(1)} NMSE from every correct way known here (noise floor ${floor.toExponential(1)})`;
}

const NOT_IN_TRACE = 'not in the trace; replayed on the reference inside its stretch';

/** Computing nodes that the candidate has no result for. */
function missingNodes({ graph, candidate }: ExamineRequest): NotMeasured[] {
  const missing: NotMeasured[] = [];
  for (const id of graph.order) {
    const node = tensorOf(graph, id);
    if (!isComputing(graph, node) || candidate.results.entries.has(node.key)) continue;
    missing.push({ node: node.key, op: node.kind, reason: NOT_IN_TRACE });
  }
  return missing;
}
