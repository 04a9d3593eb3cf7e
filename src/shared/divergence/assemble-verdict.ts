import type { TokenLogit } from '../compare/comparison';
import { kullbackLeibler, topLogits } from '../compare/logits';
import type { WeightSource } from '../gguf/model-source';
import type { Graph, GraphTensor } from '../graph/graph';
import { isComputing, layerOf, tensorOf } from '../graph/graph';
import { QUANT_FORMATS } from '../quant/registry';
import type { NotMeasured, TraceSource } from '../trace/trace';
import type { Examination, JudgedNode } from './examine';
import { checkExpectation } from './expectation';
import type { BadNode, BlockLocation, Verdict } from './verdict';

/** Key of the node that holds the logits, and its last row; undefined where a trace lacks it. */
export function lastLogits(graph: Graph, trace: TraceSource): Float32Array | undefined {
  const node = logitsNode(graph);
  if (!node || !trace.entries.has(node.key)) return undefined;
  const values = trace.readF32(node.key);
  return values.subarray(values.length - node.ne[0]);
}

/** The last computing node: `result_output` in every architecture with a language head. */
export function logitsNode(graph: Graph): GraphTensor | undefined {
  for (let i = graph.order.length - 1; i >= 0; i--) {
    const node = tensorOf(graph, graph.order[i]!);
    if (isComputing(graph, node)) return node;
  }
  return undefined;
}

export interface VerdictInputs {
  readonly model: string;
  readonly reference: string;
  readonly candidate: string;
  readonly tokens: readonly number[];
  readonly graph: Graph;
  readonly weights: WeightSource;
  readonly captured: TraceSource;
  readonly examination: Examination;
  readonly referenceLogits: Float32Array | undefined;
  readonly candidateLogits: Float32Array | undefined;
  /** Text of a token; undefined without a vocabulary. */
  readonly textOf: (token: number) => string | undefined;
  readonly expect?: string;
  readonly minLogit?: number;
  readonly alignment: readonly string[];
}

export function assembleVerdict(v: VerdictInputs): Verdict {
  const allBad = v.examination.judged.filter((j) => j.judgement.bad).map((j) => badNode(j, v));
  const compared = v.examination.judged.length;
  const nonFinite = v.examination.judged.find((j) => j.judgement.nonFinite);
  const logits = compareLogits(v);
  const reason = compared === 0 ? nothingCompared(v.examination.notMeasured) : null;
  return {
    schema: 'quarrel.verdict/1',
    model: v.model,
    tokens: v.tokens,
    reference: v.reference,
    candidate: v.candidate,
    verdict: allBad.length > 0 ? 'diverged' : reason === null ? 'clean' : 'incomparable',
    reason,
    firstBad: allBad[0] ?? null,
    allBad,
    cause: null,
    nonFinite: nonFinite?.judgement.nonFinite
      ? { node: nonFinite.node.key, index: nonFinite.judgement.nonFinite.index }
      : null,
    logits,
    expectation: checkExpectation(wanted(v), logits.reference, logits.candidate),
    notMeasured: v.examination.notMeasured,
    nearest: nearestToLimit(v.examination),
    compared,
    alignment: v.alignment,
  };
}

function nearestToLimit({ judged }: Examination): Verdict['nearest'] {
  let nearest: Verdict['nearest'] = null;
  for (const { node, judgement } of judged) {
    const ratio = judgement.localNmse / judgement.noiseFloor;
    if (!judgement.bad && (nearest === null || ratio > nearest.ratio)) nearest = { node: node.key, ratio };
  }
  return nearest;
}

function wanted({ expect, minLogit }: VerdictInputs): { expected?: string; minLogit?: number } {
  return { ...(expect === undefined ? {} : { expected: expect }), ...(minLogit === undefined ? {} : { minLogit }) };
}

function nothingCompared(notMeasured: readonly NotMeasured[]): string {
  const first = notMeasured[0];
  return first
    ? `no node could be compared; the first, ${first.node}: ${first.reason}`
    : 'the graph and the candidate share no node';
}

function compareLogits(v: VerdictInputs): Verdict['logits'] {
  const reference = best(v.referenceLogits, v.textOf);
  const candidate = best(v.candidateLogits, v.textOf);
  const kld =
    v.referenceLogits && v.candidateLogits ? kullbackLeibler(v.referenceLogits, v.candidateLogits) : undefined;
  return {
    reference,
    candidate,
    kld: kld !== undefined && Number.isFinite(kld) ? kld : null,
    sameTop: reference && candidate ? reference.token === candidate.token : null,
  };
}

function best(row: Float32Array | undefined, textOf: VerdictInputs['textOf']): TokenLogit | null {
  const first = row && topLogits(row, 1)[0];
  return first ? { ...first, text: textOf(first.token) } : null;
}

function badNode({ node, judgement, stretch }: JudgedNode, v: VerdictInputs): BadNode {
  const weight = weightOf(v.graph, node);
  return {
    layer: layerOf(node.name) ?? null,
    node: node.key,
    op: node.kind,
    tensor: weight?.name ?? null,
    localNmse: judgement.localNmse,
    noiseFloor: judgement.noiseFloor,
    worst: judgement.worst,
    block: weight ? blockOf(node, weight, judgement.worst.index, v) : null,
    stretch: stretch.map((s) => s.key),
    why: judgement.why,
  };
}

/** The weight that a node reads directly. */
export function weightOf(graph: Graph, node: GraphTensor): GraphTensor | undefined {
  for (const src of node.src) {
    const t = src === undefined ? undefined : tensorOf(graph, src);
    if (t?.role === 'weight') return t;
  }
  return undefined;
}

/** The weight block behind a result's element: the row's first block for a mat-mul, the very block for a gather. */
function blockOf(
  node: GraphTensor,
  weight: GraphTensor,
  index: readonly number[],
  v: VerdictInputs,
): BlockLocation | null {
  const { blockElements } = QUANT_FORMATS[weight.type];
  const blocksPerRow = weight.ne[0] / blockElements;
  const located = locate(node, index, blockElements, v);
  if (!located || located.row >= weight.ne[1]) return null;
  const { row, blockInRow } = located;
  return { tensor: weight.name, type: weight.type, row, index: row * blocksPerRow + blockInRow };
}

function locate(
  node: GraphTensor,
  index: readonly number[],
  blockElements: number,
  v: VerdictInputs,
): { row: number; blockInRow: number } | undefined {
  const [i0 = 0, i1 = 0] = index;
  if (node.op === 'MUL_MAT') return { row: i0, blockInRow: 0 };
  if (node.op !== 'GET_ROWS') return undefined;
  const indices = node.src[1] === undefined ? undefined : tensorOf(v.graph, node.src[1]);
  if (indices?.role !== 'input' || indices.type !== 'I32') return undefined;
  const ids = new Int32Array(v.captured.readRaw(indices.key).buffer);
  const row = ids[i1];
  return row === undefined ? undefined : { row, blockInRow: Math.floor(i0 / blockElements) };
}
