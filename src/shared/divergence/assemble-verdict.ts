import { assert } from '../base/assert';
import type { NodeId } from '../base/brand';
import type { TokenLogit } from '../compare/comparison';
import { kullbackLeibler, topLogits } from '../compare/logits';
import type { WeightSource } from '../gguf/model-source';
import type { Graph, GraphTensor } from '../graph/graph';
import { isComputing, layerOf, tensorOf } from '../graph/graph';
import { QUANT_FORMATS } from '../quant/registry';
import { stepKey } from '../trace/steps';
import type { NotMeasured, TraceSource } from '../trace/trace';
import { bugsAmong } from './bugs';
import { spoken } from './effect';
import type { Examination, JudgedNode } from './examine';
import { checkExpectation } from './expectation';
import type { Judgement } from './judge';
import type { Cause, ErrorShape, WeightFinding } from './cause';
import type { Observation, Rung } from './checks';
import { coverageOf, coverageOfStep, isCovered, tooLittleCovered, uncoveredSaid } from './coverage';
import type { ToldPrecision } from './precision';
import { inferPrecision } from './precision';
import { profileOf } from './profile';
import type { RunChoices } from './run-choices';
import { ALL_AS_IS } from './run-choices';
import type { BadNode, BlockLocation, Bug, Effect, RoundedNode, StepVerdict, UnplacedName, Verdict } from './verdict';

/**
 * The last row of the last node: the next token's logits in every architecture with a language head (elsewhere it is
 * for the caller to know that it is none). Undefined where a trace lacks it.
 */
export function lastLogits(graph: Graph, trace: TraceSource): Float32Array | undefined {
  const node = lastNode(graph);
  if (!node || !trace.entries.has(node.key)) return undefined;
  const values = trace.readF32(node.key);
  return values.subarray(values.length - node.ne[0]);
}

/** The last computing node. */
export function lastNode(graph: Graph): GraphTensor | undefined {
  for (let i = graph.order.length - 1; i >= 0; i--) {
    const node = tensorOf(graph, graph.order[i]!);
    if (isComputing(graph, node)) return node;
  }
  return undefined;
}

/** One evaluated graph of a run: the prompt's (0) or a decode step's. */
export interface StepResult {
  readonly index: number;
  readonly tokens: readonly number[];
  readonly graph: Graph;
  readonly captured: TraceSource;
  readonly examination: Examination;
  readonly referenceLogits: Float32Array | undefined;
  readonly candidateLogits: Float32Array | undefined;
  readonly alignment: readonly string[];
  /** Names of the candidate's dump that stand for no node; none when absent. */
  readonly unplaced?: readonly UnplacedName[];
  /** The nodes that were asked for; all of the graph when absent. */
  readonly part?: ReadonlySet<NodeId>;
  /** NMSE of the candidate's whole run against the reference, by node key. */
  readonly inherited: ReadonlyMap<string, number>;
  /** What a dump tells of its precision. */
  readonly told?: ToldPrecision;
}

/** What a closer look at a bad node found. */
export interface Diagnosis {
  readonly cause: Cause | null;
  readonly shape: ErrorShape | null;
  readonly weight: WeightFinding | null;
  readonly tried: number;
  readonly untried: number;
}

const NO_DIAGNOSIS: Diagnosis = { cause: null, shape: null, weight: null, tried: 0, untried: 0 };

export interface VerdictInputs {
  readonly model: string;
  readonly reference: string;
  readonly candidate: string;
  /** All nodes on weights as they are when absent. */
  readonly options?: RunChoices;
  readonly weights: WeightSource;
  /** The prompt first. */
  readonly steps: readonly StepResult[];
  /** Text of a token; undefined without a vocabulary. */
  readonly textOf: (token: number) => string | undefined;
  readonly expect?: string;
  readonly minLogit?: number;
  /** Of the bad nodes that were looked at more closely. */
  readonly diagnoses?: ReadonlyMap<JudgedNode, Diagnosis>;
  readonly preflight?: readonly Rung[];
  /** What makes a run of right nodes a wrong one; null where nothing does. */
  readonly preflightCause?: Cause | null;
  /** Why no run on these weights can be called right; null where nothing is known against them. */
  readonly unusable?: string | null;
  /** Which input changed during the run, so that nothing can be told; absent where none did. */
  readonly changed?: string;
  readonly observations?: readonly Observation[];
  readonly runs?: number;
  /** Rounding counts as a difference. */
  readonly strict?: boolean;
  /** What bad nodes do to the answer, as far as that was looked at; `textOf` gives its tokens their texts. */
  readonly effects?: ReadonlyMap<JudgedNode, Effect>;
  /** What all nodes of a bug do together, by the first of them. */
  readonly together?: ReadonlyMap<JudgedNode, Effect>;
}

export function assembleVerdict(inputs: VerdictInputs): Verdict {
  const v = inputs.changed === undefined ? inputs : withoutFindings(inputs);
  const [prompt] = v.steps;
  assert(prompt, 'a verdict needs at least the prompt');
  const judged = v.steps.flatMap((s) => s.examination.judged.map((j) => ({ s, j })));
  const bad = judged
    .filter(({ j }) => j.judgement.bad)
    .map(({ s, j }) => ({ j, node: badNode(j, s, v.diagnoses?.get(j), spokenEffect(v, v.effects?.get(j))) }));
  const allBad = bad.map(({ node }) => node);
  const nonFinite = judged.find(({ j }) => j.judgement.nonFinite);
  const logits = compareLogits(prompt, v.textOf);
  const notMeasured = v.steps.flatMap(uncoveredSaid);
  const isDiverged =
    allBad.length > 0 || isOtherwiseWrong(v) || (v.strict && judged.some(({ j }) => j.judgement.rounding));
  const reason = isDiverged ? null : whyIncomparable(v, notMeasured);
  return {
    schema: 'quarrel.verdict/1',
    model: v.model,
    tokens: prompt.tokens,
    reference: v.reference,
    candidate: v.candidate,
    options: v.options ?? ALL_AS_IS,
    verdict: isDiverged ? 'diverged' : reason === null ? 'clean' : 'incomparable',
    reason,
    firstBad: allBad[0] ?? null,
    allBad,
    bugs: bugsAmong(bad, ({ node }) => node).map((nodes) => bugOf(nodes, v)),
    rounded: judged.flatMap(({ s, j }) => roundedNode(j, s.index)),
    precision: inferPrecision(
      v.steps.flatMap((step) => step.examination.judged),
      prompt.told,
    ),
    strict: v.strict ?? false,
    coverage: coverageOf(v.steps),
    cause: allBad[0] ? allBad[0].cause : (v.preflightCause ?? null),
    nonFinite: nonFinite?.j.judgement.nonFinite
      ? { step: nonFinite.s.index, node: nonFinite.j.node.key, index: nonFinite.j.judgement.nonFinite.index }
      : null,
    logits,
    expectation: checkExpectation(
      wanted(v),
      logits.reference ?? (prompt.referenceLogits ? 'no-number' : null),
      logits.candidate ?? (prompt.candidateLogits ? 'no-number' : null),
    ),
    notMeasured,
    unplaced: unplacedNames(v.steps),
    nearest: nearestToLimit(v.steps),
    compared: judged.length,
    alignment: [...new Set(v.steps.flatMap((s) => s.alignment))],
    preflight: v.preflight ?? [],
    observations: v.observations ?? [],
    profile: v.steps.flatMap(profileOf),
    runs: v.runs ?? null,
    steps: v.steps.map((s) => stepVerdict(s, v)),
  };
}

/** Of files that changed, right and wrong results mean as little as each other. */
function withoutFindings(v: VerdictInputs): VerdictInputs {
  const steps = v.steps.map((s) => ({ ...s, examination: { ...s.examination, judged: [] } }));
  return { ...v, steps, preflight: [], preflightCause: null, observations: [] };
}

function bugOf(nodes: readonly { readonly j: JudgedNode; readonly node: BadNode }[], v: VerdictInputs): Bug {
  const [first] = nodes;
  assert(first, 'a bug without a node');
  const { step } = first.node;
  const here = nodes.filter(({ node }) => node.step === step);
  const together = spokenEffect(v, v.together?.get(first.j)) ?? null;
  return {
    step,
    nodes: here.map(({ node }) => node.node),
    cause: nodes.find(({ node }) => node.cause)?.node.cause ?? null,
    effect: here.length === 1 ? first.node.effect : together,
  };
}

function spokenEffect({ textOf }: VerdictInputs, effect: Effect | undefined): Effect | undefined {
  return effect && spoken(effect, textOf);
}

/**
 * Wrong though every node is right: other tokens, weights, types or values than the model's, or another run of the
 * candidate that ought to give the same.
 */
function isOtherwiseWrong({ preflightCause, preflight = [], observations = [] }: VerdictInputs): boolean {
  return Boolean(preflightCause) || [...preflight, ...observations].some((check) => check.state === 'different');
}

/** Why a candidate without a bad node is not clean either; null where it is. */
function whyIncomparable(v: VerdictInputs, notMeasured: readonly NotMeasured[]): string | null {
  if (v.changed !== undefined) return v.changed;
  if (v.unusable) return v.unusable;
  if (v.steps.every((s) => s.examination.judged.length === 0)) return nothingCompared(notMeasured);
  for (const { candidateLogits: row, index } of v.steps) {
    const count = notNumbersIn(row) ?? 0;
    const where = index === 0 ? '' : ` of decode step ${index}`;
    if (count > 0) {
      return `${count} of its ${row?.length ?? 0} logits${where} are NaN or infinite, and no node shows where that begins`;
    }
  }
  return tooLittleCovered(v.steps);
}

/** Each name once: it may be missing in every step. */
function unplacedNames(steps: readonly StepResult[]): readonly UnplacedName[] {
  const names = new Map(steps.flatMap((s) => (s.unplaced ?? []).map((u) => [u.name, u] as const)));
  return [...names.values()];
}

function stepVerdict(s: StepResult, { textOf, unusable, strict }: VerdictInputs): StepVerdict {
  const { judged } = s.examination;
  const firstBad = judged.find((j) => j.judgement.bad);
  const isDiverged = firstBad !== undefined || (strict && judged.some((j) => j.judgement.rounding));
  return {
    step: s.index,
    tokens: s.tokens,
    verdict: isDiverged ? 'diverged' : !unusable && isCovered(coverageOfStep(s)) ? 'clean' : 'incomparable',
    firstBad: firstBad?.node.key ?? null,
    compared: judged.length,
    logits: compareLogits(s, textOf),
  };
}

function nearestToLimit(steps: readonly StepResult[]): Verdict['nearest'] {
  let nearest: Verdict['nearest'] = null;
  for (const { index, examination } of steps) {
    for (const { node, judgement } of examination.judged) {
      if (judgement.rounding) continue;
      const ratio = judgement.localNmse / judgement.noiseFloor;
      if (judgement.bad || (nearest !== null && ratio <= nearest.ratio)) continue;
      nearest = { node: stepKey(index, node.key), ratio };
    }
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

function compareLogits(s: StepResult, textOf: VerdictInputs['textOf']): Verdict['logits'] {
  const reference = best(s.referenceLogits, textOf);
  const candidate = best(s.candidateLogits, textOf);
  const kld =
    s.referenceLogits && s.candidateLogits ? kullbackLeibler(s.referenceLogits, s.candidateLogits) : undefined;
  return {
    reference,
    candidate,
    kld: kld !== undefined && Number.isFinite(kld) ? kld : null,
    sameTop: reference && s.candidateLogits ? reference.token === candidate?.token : null,
    notNumbers: {
      reference: notNumbersIn(s.referenceLogits),
      candidate: notNumbersIn(s.candidateLogits),
      of: (s.candidateLogits ?? s.referenceLogits)?.length ?? 0,
    },
    gap: s.referenceLogits ? gapOf(s.referenceLogits) : null,
  };
}

/** −Inf is no fault: it is how a token is forbidden. */
function notNumbersIn(row: Float32Array | undefined): number | null {
  return row ? row.filter((x) => Number.isNaN(x) || x === Infinity).length : null;
}

function gapOf(row: Float32Array): number | null {
  const [first, second] = topLogits(row, 2);
  return first && second ? first.logit - second.logit : null;
}

function best(row: Float32Array | undefined, textOf: VerdictInputs['textOf']): TokenLogit | null {
  const first = row && topLogits(row, 1)[0];
  return first ? { ...first, text: textOf(first.token) } : null;
}

function badNode(
  { node, judgement, stretch, writes }: JudgedNode,
  v: StepResult,
  diagnosis: Diagnosis = NO_DIAGNOSIS,
  effect?: Effect,
): BadNode {
  const weight = weightOf(v.graph, node);
  return {
    step: v.index,
    layer: layerOf(node.name) ?? null,
    node: node.key,
    op: node.kind,
    tensor: weight?.name ?? null,
    localNmse: judgement.localNmse,
    noiseFloor: judgement.noiseFloor,
    worst: judgement.worst,
    block: diagnosis.weight ? located(diagnosis.weight) : weight ? blockOf(node, weight, judgement, v) : null,
    stretch: stretch.map((s) => s.key),
    writes: writes.map((w) => w.key),
    why: judgement.why,
    // By name: what is found may hold more, functions among it, which cross no process border.
    cause: diagnosis.cause,
    shape: diagnosis.shape,
    weight: diagnosis.weight,
    tried: diagnosis.tried,
    untried: diagnosis.untried,
    effect: effect ?? null,
  };
}

function roundedNode({ node, judgement }: JudgedNode, step: number): readonly RoundedNode[] {
  const { rounding, localNmse, noiseFloor } = judgement;
  if (!rounding) return [];
  const layer = layerOf(node.name) ?? null;
  return [{ step, layer, node: node.key, op: node.kind, localNmse, noiseFloor, rounding }];
}

function located({ tensor, type, row, index }: WeightFinding): BlockLocation {
  return { tensor, type, row, index };
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
function blockOf(node: GraphTensor, weight: GraphTensor, judgement: Judgement, v: StepResult): BlockLocation | null {
  const { blockElements } = QUANT_FORMATS[weight.type];
  const [n0, n1, n2, n3] = weight.ne;
  const blocksPerRow = n0 / blockElements;
  const located = locate(node, judgement, weight, v);
  if (!located || located.row >= n1 * n2 * n3) return null;
  const { row, blockInRow } = located;
  return { tensor: weight.name, type: weight.type, row, index: row * blocksPerRow + blockInRow };
}

/** Rows count on from one plane of the weight to the next. */
function locate(
  node: GraphTensor,
  judgement: Judgement,
  weight: GraphTensor,
  v: StepResult,
): { row: number; blockInRow: number } | undefined {
  const [i0, i1] = judgement.worst.index;
  const plane = planeOf(node, judgement, weight);
  if (plane !== undefined) return { row: plane * weight.ne[1] + i0, blockInRow: 0 };
  if (node.op !== 'GET_ROWS') return undefined;
  const indices = node.src[1] === undefined ? undefined : tensorOf(v.graph, node.src[1]);
  if (indices?.role !== 'input' || indices.type !== 'I32') return undefined;
  const ids = new Int32Array(v.captured.readRaw(indices.key).buffer);
  const row = ids[i1];
  const { blockElements } = QUANT_FORMATS[weight.type];
  return row === undefined ? undefined : { row, blockInRow: Math.floor(i0 / blockElements) };
}

/** The plane of a mat-mul's weight that gave the worst element; undefined for other ops. */
function planeOf(node: GraphTensor, { worst, expert }: Judgement, weight: GraphTensor): number | undefined {
  if (node.op !== 'MUL_MAT') return expert;
  const [, , i2, i3] = worst.index;
  const [, , n2, n3] = weight.ne;
  return Math.floor((i3 * n3) / node.ne[3]) * n2 + Math.floor((i2 * n2) / node.ne[2]);
}
