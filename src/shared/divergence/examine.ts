import type { NodeId } from '../base/brand';
import { defined } from '../base/assert';
import type { JobControl } from '../base/progress';
import type { WeightSource } from '../gguf/model-source';
import type { Graph, GraphTensor } from '../graph/graph';
import { isComputing, memoryOwner, tensorOf } from '../graph/graph';
import { unorderedIndices } from '../graph/expert-slots';
import { stateWritesRead, stretches } from '../graph/producers';
import type { PartialRun } from '../ops/executor';
import type { StateMemories } from '../ops/state-memories';
import type { NotMeasured, TraceDtype, TraceSource } from '../trace/trace';
import type { ConstantFactor } from './constant-factor';
import { constantFactor } from './constant-factor';
import type { Judgement } from './judge';
import { PartialWrites } from './partial-writes';
import { judgeNode, measureNode } from './judge';
import { FED, NonFiniteInputs } from './non-finite-inputs';
import type { Arithmetic } from './lane';
import type { SummedSource } from '../compare/cancellation';
import { MARGIN } from '../compare/tolerance';
import { QUANT_FORMATS } from '../quant/registry';

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
  /** The states of the runs before, in the same arithmetics; zeros when absent. */
  readonly states?: StateMemories;
  /** The part of the graph that is judged; all of it when absent. */
  readonly part?: PartialRun;
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
  /** Cache writes that this node is the first to show. */
  readonly writes: readonly GraphTensor[];
  /** 1 where the result was judged, where that is less than the candidate has: the rest follows from NaN or Inf. */
  readonly mask?: Uint8Array;
  /** The one factor that a bad node's values are off by, where somebody else's are and are off by nothing else. */
  readonly factor?: ConstantFactor;
  /** Distance of the reference lane's own result from our correct ways, in noise floors; where it took part. */
  readonly goldenFloors?: number;
}

export interface Examination {
  /** In graph order. */
  readonly judged: readonly JudgedNode[];
  readonly notMeasured: readonly NotMeasured[];
  /** The correct ways that judged. */
  readonly arithmetics: readonly Arithmetic[];
}

export interface ExamineRequest {
  readonly graph: Graph;
  readonly weights: WeightSource;
  readonly captured: TraceSource;
  readonly candidate: Candidate;
  readonly run: ReferenceRun;
  readonly control: JobControl;
  readonly states?: StateMemories;
  /** The part of the graph that is judged; all of it when absent. */
  readonly part?: PartialRun;
}

/**
 * Correct ways to compute a node: exactly, as ggml does, in the type the candidate stores, as it says it adds up; inside
 * a fused attention in f16.
 */
function arithmeticsFor(graph: Graph, candidate: Candidate): readonly Arithmetic[] {
  const stored = storedTypes(candidate);
  return [
    'exact',
    'ggml',
    ...(stored.has('F16') || mayFuseAttention(graph, candidate) ? ['f16' as const] : []),
    ...(stored.has('BF16') ? ['bf16' as const] : []),
    ...(candidate.results.declared?.accumulation === 'F16' ? ['f16-sums' as const] : []),
  ];
}

function storedTypes(candidate: Candidate): ReadonlySet<TraceDtype> {
  return new Set([...candidate.results.entries.keys()].map((key) => candidate.dtype(key)));
}

/** Somebody else's results that lack soft-maxes: they may be inside of one kernel, which holds probabilities in f16. */
function mayFuseAttention(graph: Graph, { golden, results }: Candidate): boolean {
  const isHidden = (t: GraphTensor): boolean => t.kind === 'SOFT_MAX' && !results.entries.has(t.key);
  return !golden && graph.order.some((id) => isHidden(tensorOf(graph, id)));
}

/** Whether a stretch and the node at its end are an attention from queries and cache to its result, and nothing else. */
function isFusedAttention(graph: Graph, stretch: readonly GraphTensor[], end: GraphTensor): boolean {
  const readsWeight = (t: GraphTensor): boolean =>
    t.src.some((id) => id !== undefined && memoryOwner(graph, tensorOf(graph, id)).role === 'weight');
  return (
    stretch.some((t) => t.kind === 'SOFT_MAX') && ![...stretch, end].some((t) => t.kind === 'ROPE' || readsWeight(t))
  );
}

const OTHERS_KEYS = 'the dump has keys and values of some tokens only; the others are the reference’s';

/** Cache writes that a node or its stretch reads, in graph order. */
function writesBehind(
  node: GraphTensor,
  stretch: readonly GraphTensor[],
  writesRead: ReadonlyMap<NodeId, readonly NodeId[]>,
): readonly NodeId[] {
  const writes = new Set([...stretch, node].flatMap((t) => writesRead.get(t.id) ?? []));
  return [...writes].sort((a, b) => a - b);
}

/** Judges every node that the candidate has, each on the inputs that the candidate itself had. */
export async function examine(request: ExamineRequest): Promise<Examination> {
  const { graph, captured, candidate } = request;
  const judged: JudgedNode[] = [];
  const notMeasured: NotMeasured[] = [];
  const writesRead = stateWritesRead(graph);
  const between = stretches(graph, (t) => candidate.seed.entries.has(t.key));
  const maxPosition = Math.max((captured.manifest?.past ?? 0) + captured.tokens.length - 1, 0);

  const partial = candidate.golden ? undefined : new PartialWrites(graph, candidate);
  const arithmetics = arithmeticsFor(graph, candidate);
  const storesHalf = storedTypes(candidate).has('F16');
  const nonFinite = new NonFiniteInputs(graph);
  const unsupported = await request.run({ ...request, seed: candidate.seed, arithmetics }, (node, results, source) => {
    const exact = defined(results.get('exact'), `exact result of ${node.key}`);
    const stretch = (between.get(node.id) ?? []).map((id) => tensorOf(graph, id));
    const summed = (index: number): SummedSource | undefined => summedSource(graph, node, index, source);
    if (!candidate.results.entries.has(node.key)) {
      nonFinite.pass({ tensor: node, exact, stretchLength: stretch.length + 1, source: summed });
      return;
    }
    const mask = candidate.mask(node.key);
    const isWay = (a: Arithmetic): boolean => a !== 'f16' || storesHalf || isFusedAttention(graph, stretch, node);
    const others = arithmetics.flatMap((a) => (a === 'exact' || !isWay(a) ? [] : (results.get(a) ?? [])));
    const written = writesBehind(node, stretch, writesRead);
    if (partial && written.some((write) => partial.has(write))) {
      notMeasured.push({ node: node.key, op: node.kind, reason: OTHERS_KEYS });
      return;
    }
    const writes = written.map((id) => tensorOf(graph, id));
    const unordered = unorderedIndices(graph, node);
    const evidence = {
      tensor: node,
      candidate: candidate.results.readF32(node.key),
      exact,
      others,
      ...(mask ? { mask } : {}),
      dtype: candidate.dtype(node.key),
      stretchLength: stretch.length + 1,
      ...(unordered === undefined ? {} : { unordered }),
      maxPosition,
      source: summed,
    };
    nonFinite.see(evidence.candidate);
    const ways = { ...evidence, others };
    let goldenFloors: number | undefined;
    if (candidate.golden?.entries.has(node.key)) {
      const golden = candidate.golden.readF32(node.key);
      const ofGolden = { ...evidence, candidate: golden, dtype: 'F32' as const };
      const trust = nonFinite.apart(ofGolden, measureNode, isTrusted);
      if (!trust || !isTrusted(trust.found)) {
        notMeasured.push({ node: node.key, op: node.kind, reason: trust ? distrusted(trust.found) : FED });
        return;
      }
      goldenFloors = trust.found.localNmse / trust.found.noiseFloor;
      ways.others = [...others, golden];
    }
    const judgement = nonFinite.apart(ways, judgeNode, ({ bad }) => !bad);
    if (!judgement) {
      notMeasured.push({ node: node.key, op: node.kind, reason: FED });
      return;
    }
    const { found, mask: soundMask } = judgement;
    const isDumped = goldenFloors === undefined;
    const factor =
      found.bad && isDumped
        ? constantFactor([exact, ...others], evidence.candidate, soundMask ?? mask, found.noiseFloor)
        : undefined;
    judged.push({
      ...{ node, stretch, writes, judgement: found },
      ...(factor === undefined ? {} : { factor }),
      ...(soundMask ? { mask: soundMask } : {}),
      ...(goldenFloors === undefined ? {} : { goldenFloors }),
    });
  });
  const all = [
    ...notMeasured,
    ...unsupported,
    ...(candidate.results.manifest?.notMeasured ?? []),
    ...missingNodes(request),
  ];
  return { judged, arithmetics, notMeasured: [...new Map(all.reverse().map((n) => [n.node, n])).values()].reverse() };
}

function isTrusted({ localNmse, noiseFloor }: ReturnType<typeof measureNode>): boolean {
  return localNmse <= MARGIN.node * noiseFloor;
}

/**
 * The reference's own result must agree with our correct ways on the same inputs before either may blame a candidate;
 * where it does not, the node is not measured, with this reason.
 */
function distrusted({ localNmse, noiseFloor }: ReturnType<typeof measureNode>): string {
  const [distance, floor] = [localNmse, noiseFloor].map((x) => x.toExponential(1));
  return `the reference lane's own result is ${distance} NMSE from every correct way known here (noise floor ${floor})`;
}

/** A source for the judge; quantized weights, whose activations' rounding drowns what sums lose, are not decoded again. */
function summedSource(
  graph: Graph,
  node: GraphTensor,
  index: number,
  read: (index: number) => Float32Array | undefined,
): SummedSource | undefined {
  const id = node.src[index];
  const tensor = id === undefined ? undefined : tensorOf(graph, id);
  if (!tensor || QUANT_FORMATS[tensor.type].blockElements > 1) return undefined;
  const values = read(index);
  return values && { ne: tensor.ne, values };
}

/** Of nodes that a dump lacks. */
export const NOT_IN_TRACE = 'not in the trace; replayed on the reference inside its stretch';

/** Computing nodes that the candidate has no result for. */
function missingNodes({ graph, candidate, part }: ExamineRequest): NotMeasured[] {
  const missing: NotMeasured[] = [];
  for (const id of graph.order) {
    const node = tensorOf(graph, id);
    if (!isComputing(graph, node) || candidate.results.entries.has(node.key)) continue;
    if (part && !part.runs.has(id)) continue;
    missing.push({ node: node.key, op: node.kind, reason: NOT_IN_TRACE });
  }
  return missing;
}
