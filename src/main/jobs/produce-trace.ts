import fs from 'node:fs';

import { staged } from '../../shared/base/control';
import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import type { GraphLane, RunMode } from '../../shared/divergence/lane';
import type { LaneSpec } from '../../shared/divergence/lane-spec';
import { AlignedTrace } from '../../shared/trace/alignment';
import type { NameMap } from '../../shared/trace/name-map';
import { foreignEntries, parseNameMap } from '../../shared/trace/name-map';
import { createReferenceLane } from '../lanes/reference-lane';
import { TraceFile } from '../traces/trace-file';
import { TraceWriter } from '../traces/trace-writer';
import type { CaptureSession } from './capture-session';
import { captureLane } from './capture-session';
import { requireSameTokens } from './same-tokens';

/** What this process can run; the CLI gives Dawn for Node, the app its GPU window. */
export interface Engines {
  webgpuLane(overlay?: string): Promise<GraphLane>;
}

/** A lane that executes the captured graph itself. */
export type OwnLane = Extract<LaneSpec, { kind: 'reference' | 'webgpu' }>;
/** A lane whose results come as a finished trace. */
export type DumpLane = Extract<LaneSpec, { kind: 'llama' | 'trace' }>;

export function isOwnLane(spec: LaneSpec): spec is OwnLane {
  return spec.kind === 'reference' || spec.kind === 'webgpu';
}

export async function openOwnLane(spec: OwnLane, engines: Engines): Promise<GraphLane> {
  return spec.kind === 'reference' ? createReferenceLane() : engines.webgpuLane(spec.overlay);
}

/** Runs an own lane over the captured graph and leaves its trace at `out`; nothing is left there when it fails. */
export async function runOwnLane(
  lane: GraphLane,
  session: CaptureSession,
  mode: RunMode,
  out: string,
  control: JobControl,
): Promise<TraceFile> {
  const sink = TraceWriter.create(out);
  try {
    await lane.run({
      graph: session.graph,
      weights: session.model,
      captured: session.captured,
      mode,
      sink,
      control: staged(control, `${lane.label}, ${mode.kind === 'free' ? 'free run' : 'node by node'}`),
    });
    sink.finish({
      engine: lane.label,
      model: session.model.path,
      tokens: session.tokens,
      provenance: lane.provenance,
    });
  } finally {
    sink.abort();
  }
  return TraceFile.open(out);
}

/** A finished trace by somebody else, aligned with the captured graph. Its owner disposes `file`. */
export interface AlignedDump {
  readonly file: TraceFile;
  readonly aligned: AlignedTrace;
}

export async function openDump(
  spec: DumpLane,
  session: CaptureSession,
  options: { readonly out: string; readonly map?: NameMap; readonly control: JobControl },
): Promise<AlignedDump> {
  const file = spec.kind === 'trace' ? TraceFile.open(spec.path) : await captureAgain(spec, session, options);
  try {
    requireSameTokens(file, { label: 'this run', tokens: session.tokens }, ' (give --tokens)');
    const foreign = foreignEntries(file, session.graph, spec.kind === 'trace' ? options.map : undefined);
    return { file, aligned: new AlignedTrace(file, session.captured, session.graph, foreign) };
  } catch (e) {
    file.dispose();
    throw e;
  }
}

async function captureAgain(
  lane: Extract<LaneSpec, { kind: 'llama' }>,
  session: CaptureSession,
  { out, control }: { readonly out: string; readonly control: JobControl },
): Promise<TraceFile> {
  return captureLane({
    modelPath: session.model.path,
    prompt: { kind: 'tokens', tokens: session.tokens },
    lane,
    out,
    control,
  });
}

/** Reads a `--map` file. */
export function readNameMap(path: string): NameMap {
  let text: string;
  try {
    text = fs.readFileSync(path, 'utf8');
  } catch (e) {
    throw new QuarrelError(`cannot read the name map ${path}: ${(e as Error).message}`);
  }
  return parseNameMap(text, path);
}
