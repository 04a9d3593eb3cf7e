import { QuarrelError } from '../../shared/base/errors';
import { staged } from '../../shared/base/control';
import type { JobControl } from '../../shared/base/progress';
import type { TensorMetrics } from '../../shared/compare/comparison';
import { compareTensors } from '../../shared/compare/metrics';
import { AlignedTrace } from '../../shared/trace/alignment';
import { expertOrders } from '../../shared/trace/expert-order';
import type { NameMap } from '../../shared/trace/name-map';
import { foreignEntries } from '../../shared/trace/name-map';
import { neOfShape } from '../../shared/trace/safetensors';
import { stepKey, stepsOf, stepView } from '../../shared/trace/steps';
import type { NotMeasured, TraceSource } from '../../shared/trace/trace';
import { onUnchanged } from '../files/watched-files';
import { TraceFile } from '../traces/trace-file';
import { yieldToEvents } from '../yield-to-events';
import { requireSameTokens } from './same-tokens';
import { notMeasured } from './unplaced-names';

export interface CompareReport {
  readonly schema: 'quarrel.compare/1';
  readonly reference: string;
  readonly candidate: string;
  readonly maxNmse: number;
  readonly nodes: readonly { readonly key: string; readonly metrics: TensorMetrics }[];
  /** Keys whose NMSE is above `maxNmse`, in order. */
  readonly differing: readonly string[];
  /** Keys that hold NaN at the same places on both sides: neither is right there, and that is no agreement. */
  readonly nanOnBoth: readonly string[];
  readonly notCompared: readonly NotMeasured[];
  readonly alignment: readonly string[];
}

export interface CompareRequest {
  readonly reference: string;
  readonly candidate: string;
  readonly maxNmse: number;
  readonly map?: NameMap;
}

/** Compares two traces checkpoint by checkpoint, in the reference's order. Both may be foreign. */
export function compareTraces(request: CompareRequest, control: JobControl): Promise<CompareReport> {
  return onUnchanged([request.reference, request.candidate], () => compareOpened(request, control));
}

async function compareOpened(request: CompareRequest, control: JobControl): Promise<CompareReport> {
  const reference = TraceFile.open(request.reference);
  try {
    const candidate = TraceFile.open(request.candidate);
    try {
      return await compareFiles(reference, candidate, request, control);
    } finally {
      candidate.dispose();
    }
  } finally {
    reference.dispose();
  }
}

async function compareFiles(
  reference: TraceFile,
  candidate: TraceFile,
  request: CompareRequest,
  control: JobControl,
): Promise<CompareReport> {
  const steps = Math.max(stepsOf(reference), stepsOf(candidate));
  const nodes: CompareReport['nodes'][number][] = [];
  const notCompared: NotMeasured[] = [];
  const nanOnBoth: string[] = [];
  const alignment: string[] = [];
  for (let step = 0; step <= steps; step++) {
    const ours = stepView(reference, step, reference.stepTokens[step - 1]);
    const theirs = stepView(candidate, step, candidate.stepTokens[step - 1]);
    const apart = step === 0 ? undefined : whyApart(ours, theirs);
    if (apart !== undefined) {
      // What follows runs on other tokens, too.
      notCompared.push(absent(stepKey(step, '*'), `${apart}; this step and those after it are not compared`));
      break;
    }
    requireSameTokens(ours, theirs);
    const aligned = align(ours, theirs, request.map);
    const stage = step === 0 ? 'compare' : `compare, step ${step}`;
    const unread = [...new Map([...(ours.unreadable ?? []), ...(theirs.unreadable ?? [])])].map(([key, dtype]) =>
      absent(key, notMeasured(dtype)),
    );
    const compared = await compareStep(ours, aligned, unread, staged(control, stage));
    const keyed = (key: string): string => stepKey(step, key);
    nodes.push(...compared.nodes.map((n) => ({ ...n, key: keyed(n.key) })));
    notCompared.push(...compared.notCompared.map((n) => ({ ...n, node: keyed(n.node) })));
    nanOnBoth.push(...compared.nanOnBoth.map(keyed));
    alignment.push(...aligned.notes);
  }
  if (nodes.length === 0) {
    throw new QuarrelError(`${request.reference} and ${request.candidate} share no checkpoint that can be compared`);
  }
  return {
    schema: 'quarrel.compare/1',
    reference: request.reference,
    candidate: request.candidate,
    maxNmse: request.maxNmse,
    nodes,
    differing: nodes.filter((n) => n.metrics.nmse > request.maxNmse).map((n) => n.key),
    nanOnBoth,
    notCompared,
    alignment: [...new Set(alignment)],
  };
}

/** Why a decode step cannot be compared: one side lacks it, or greedy choice has gone another way. */
function whyApart(ours: TraceSource, theirs: TraceSource): string | undefined {
  if (ours.entries.size === 0) return 'the reference has no such decode step';
  if (theirs.entries.size === 0) return 'the candidate has no such decode step';
  const [a, b] = [ours.tokens.join(), theirs.tokens.join()];
  return a === b || a === '' || b === '' ? undefined : `its token is ${a} in the reference, ${b} in the candidate`;
}

async function compareStep(
  reference: TraceSource,
  aligned: Aligned,
  unread: readonly NotMeasured[],
  control: JobControl,
): Promise<Pick<CompareReport, 'nodes' | 'notCompared' | 'nanOnBoth'>> {
  const nodes: CompareReport['nodes'][number][] = [];
  const nanOnBoth: string[] = [];
  const notCompared = [...unread, ...aligned.misfits];
  const keys = [...reference.entries.keys()].filter((key) => !key.startsWith('leaf:'));
  for (const [i, key] of keys.entries()) {
    control.throwIfCancelled();
    control.progress({ stage: 'compare', done: i, total: keys.length, detail: key });
    const ne = neOfShape(reference.entries.get(key)!.shape);
    if (!aligned.trace.entries.has(key)) {
      if (!notCompared.some((m) => m.node === key)) notCompared.push(absent(key, 'not in the candidate'));
    } else if (!ne) {
      notCompared.push(absent(key, 'more than four dimensions'));
    } else {
      const [ours, values] = [reference.readF32(key), aligned.trace.readF32(key)];
      nodes.push({ key, metrics: compareTensors(ours, values, ne, aligned.mask(key)) });
      if (values.some((x, j) => Number.isNaN(x) && Number.isNaN(ours[j]))) nanOnBoth.push(key);
    }
    await yieldToEvents();
  }
  return { nodes, notCompared, nanOnBoth };
}

interface Aligned {
  readonly trace: TraceSource;
  readonly misfits: readonly NotMeasured[];
  readonly notes: readonly string[];
  mask(key: string): Uint8Array | undefined;
}

/** With the graph in the reference, rows are aligned and names mapped; without it, equal shapes are compared. */
function align(reference: TraceSource, candidate: TraceSource, map: NameMap | undefined): Aligned {
  const graph = reference.manifest?.graph;
  if (graph) {
    const trace = new AlignedTrace(candidate, reference, graph, foreignEntries(candidate, graph, map));
    const { inReferenceOrder, notes } = expertOrders(trace, graph, reference);
    const mask = (key: string): Uint8Array | undefined => trace.mask(key);
    return { trace: inReferenceOrder, misfits: trace.misfits, notes: [...trace.notes, ...notes], mask };
  }
  if (map) throw new QuarrelError(`--map needs a graph to map to: ${reference.label} holds none (make it with trace)`);
  const misfits: NotMeasured[] = [];
  for (const [key, entry] of candidate.entries) {
    const ours = reference.entries.get(key);
    if (ours && count(ours.shape) !== count(entry.shape)) {
      misfits.push(absent(key, `shape [${entry.shape.join(', ')}] against [${ours.shape.join(', ')}]`));
    }
  }
  const unfit = new Set(misfits.map((m) => m.node));
  const entries = new Map([...candidate.entries].filter(([key]) => !unfit.has(key)));
  const trace: TraceSource = {
    label: candidate.label,
    engine: candidate.engine,
    tokens: candidate.tokens,
    manifest: candidate.manifest,
    entries,
    readF32: (key) => candidate.readF32(key),
    readRaw: (key) => candidate.readRaw(key),
  };
  return { trace, misfits, notes: [], mask: () => undefined };
}

function absent(node: string, reason: string): NotMeasured {
  return { node, op: '', reason };
}

function count(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
