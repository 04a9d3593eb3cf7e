import { assert } from '../../shared/base/assert';
import type { Graph } from '../../shared/graph/graph';
import { neOfShape } from '../../shared/trace/safetensors';
import { stepKey, stepSink } from '../../shared/trace/steps';
import type { StepManifest } from '../../shared/trace/trace';
import type { TraceFile } from './trace-file';
import { TraceWriter } from './trace-writer';

/** Writes the traces of a prompt and its decode steps into one file (shared/trace/steps.ts), tensor by tensor. */
export function mergeSteps(traces: readonly TraceFile[], out: string): void {
  const [prompt, ...steps] = traces;
  assert(prompt, 'no trace to write');
  const writer = TraceWriter.create(out);
  try {
    traces.forEach((trace, step) => copyStep(trace, step, writer));
    const { graph, pieces, provenance, model = '' } = prompt.manifest ?? {};
    writer.finish({
      engine: prompt.engine,
      model,
      tokens: prompt.tokens,
      steps: manifests(graph, steps),
      ...(graph ? { graph } : {}),
      ...(pieces ? { pieces } : {}),
      ...(provenance ? { provenance } : {}),
    });
  } finally {
    writer.abort();
  }
}

function copyStep(trace: TraceFile, step: number, writer: TraceWriter): void {
  const sink = stepSink(writer, step);
  for (const { key, dtype, shape } of trace.entries.values()) {
    const ne = neOfShape(shape);
    assert(ne, `checkpoint ${stepKey(step, key)} has ${shape.length} dimensions`);
    sink.write(key, dtype, ne, trace.readRaw(key));
  }
  for (const [key, microseconds] of Object.entries(trace.manifest?.timings ?? {})) sink.time(key, microseconds);
  for (const entry of trace.manifest?.notMeasured ?? []) sink.notMeasured(entry);
}

/** Decode steps mostly share one graph: it is kept once. */
function manifests(first: Graph | undefined, steps: readonly TraceFile[]): readonly StepManifest[] {
  const seen = new Map<string, number>();
  if (first) seen.set(JSON.stringify(first), 0);
  return steps.map((trace, i) => {
    const { graph, pieces, past = 0 } = trace.manifest ?? {};
    const json = graph && JSON.stringify(graph);
    const sameGraphAs = json === undefined ? undefined : seen.get(json);
    if (json !== undefined && sameGraphAs === undefined) seen.set(json, i + 1);
    return {
      tokens: trace.tokens,
      past,
      ...(pieces ? { pieces } : {}),
      ...(sameGraphAs !== undefined ? { sameGraphAs } : graph ? { graph } : {}),
    };
  });
}
