/**
 * Traces of several steps. The prompt's checkpoints have their plain keys; those of decode step k stand in the same
 * file as `step<k>/KEY`, each step a graph of its own.
 */
import type {
  NotMeasured,
  StepManifest,
  TensorStats,
  TraceEntry,
  TraceManifest,
  TraceSink,
  TraceSource,
} from './trace';

/** As `stepKey` writes them: `step0/x` or `step01/x`, which it would not read back, is a name like any other. */
const STEP_KEY = /^step([1-9]\d*)\/(.*)$/s;

/** Key of a checkpoint of step `step` in a file of all steps. */
export function stepKey(step: number, key: string): string {
  return step === 0 ? key : `step${step}/${key}`;
}

/** The step and the node that a key of such a file names. */
export function splitStepKey(key: string): { readonly step: number; readonly key: string } {
  const found = STEP_KEY.exec(key);
  return found ? { step: Number(found[1]), key: found[2] as string } : { step: 0, key };
}

/** Decode steps after the prompt. */
export function stepsOf(trace: Pick<TraceSource, 'entries' | 'manifest'>): number {
  let steps = trace.manifest?.steps?.length ?? 0;
  for (const key of trace.entries.keys()) steps = Math.max(steps, splitStepKey(key).step);
  return steps;
}

/**
 * One step as a trace of its own, in plain keys; reads go to the whole trace.
 * @param tokens the step's, where the manifest does not say them
 */
export function stepView(trace: TraceSource, step: number, tokens: readonly number[] = []): TraceSource {
  if (step === 0 && stepsOf(trace) === 0) return trace;
  const entries = new Map<string, TraceEntry>();
  for (const entry of trace.entries.values()) {
    const at = splitStepKey(entry.key);
    if (at.step === step) entries.set(at.key, { ...entry, key: at.key });
  }
  const unreadable = new Map<string, string>();
  for (const [key, dtype] of trace.unreadable ?? []) {
    const at = splitStepKey(key);
    if (at.step === step) unreadable.set(at.key, dtype);
  }
  const own = step === 0 ? undefined : trace.manifest?.steps?.[step - 1];
  return {
    label: step === 0 ? trace.label : `${trace.label}, step ${step}`,
    engine: trace.engine,
    tokens: step === 0 ? trace.tokens : (own?.tokens ?? tokens),
    manifest: trace.manifest && stepManifest(trace.manifest, step),
    ...(trace.declared ? { declared: trace.declared } : {}),
    entries,
    unreadable,
    readF32: (key) => trace.readF32(stepKey(step, key)),
    readRaw: (key) => trace.readRaw(stepKey(step, key)),
  };
}

function stepManifest(whole: TraceManifest, step: number): TraceManifest {
  const { steps = [], graph: first, pieces, past, ...rest } = whole;
  const own = step === 0 ? { graph: first, pieces, past } : stepFacts(first, steps, step);
  const ofStep = <T>(values: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(
      Object.entries(values).flatMap(([key, value]) => {
        const at = splitStepKey(key);
        return at.step === step ? [[at.key, value]] : [];
      }),
    );
  return {
    ...rest,
    stats: ofStep<TensorStats>(whole.stats),
    timings: ofStep<number>(whole.timings),
    notMeasured: whole.notMeasured.flatMap((n) => {
      const at = splitStepKey(n.node);
      return at.step === step ? [{ ...n, node: at.key }] : [];
    }),
    ...(own.graph ? { graph: own.graph } : {}),
    ...(own.pieces ? { pieces: own.pieces } : {}),
    ...(own.past === undefined ? {} : { past: own.past }),
  };
}

function stepFacts(
  first: TraceManifest['graph'],
  steps: readonly StepManifest[],
  step: number,
): Pick<TraceManifest, 'graph' | 'pieces' | 'past'> {
  const own = steps[step - 1];
  if (!own) return {};
  const { sameGraphAs, graph, pieces, past } = own;
  const shared = sameGraphAs === undefined ? undefined : sameGraphAs === 0 ? first : steps[sameGraphAs - 1]?.graph;
  const found = graph ?? shared;
  return { ...(found ? { graph: found } : {}), ...(pieces ? { pieces } : {}), past };
}

/** The graph of one step, where the file holds it. */
export function graphOfStep({ graph, steps = [] }: TraceManifest, step: number): TraceManifest['graph'] {
  return step === 0 ? graph : stepFacts(graph, steps, step).graph;
}

/** A sink for one step of a file of all steps. */
export function stepSink(sink: TraceSink, step: number): TraceSink {
  return {
    write: (key, dtype, ne, data) => sink.write(stepKey(step, key), dtype, ne, data),
    time: (key, microseconds) => sink.time(stepKey(step, key), microseconds),
    notMeasured: (entry: NotMeasured) => sink.notMeasured({ ...entry, node: stepKey(step, entry.node) }),
  };
}
