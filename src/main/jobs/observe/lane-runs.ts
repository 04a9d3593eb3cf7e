/** Runs of the candidate's lane for observers. */
import { assert } from '../../../shared/base/assert';
import type { LaneSpec } from '../../../shared/divergence/lane-spec';
import { parseLane } from '../../../shared/divergence/lane-spec';
import type { ObservedStep } from '../../../shared/divergence/observe-rows';
import type { PromptSpec } from '../../../shared/ipc/jobs';
import type { CaptureSession, LlamaLane } from '../capture-session';
import { openCapture } from '../capture-session';
import { OwnStepLane } from '../step-lanes';
import type { Observing } from './observe';

/** llama.cpp's run of some tokens; it ends with the observation. */
export async function captureOf(
  o: Observing,
  lane: LlamaLane,
  tokens: readonly number[],
  name: string,
  options: { readonly moreTokens?: number; readonly flashAttention?: boolean } = {},
): Promise<CaptureSession> {
  const { request, folder, control, owned } = o;
  const prompt: PromptSpec = { kind: 'tokens', tokens };
  const { modelPath, threads } = request;
  const more = { ...options, ...(threads === undefined ? {} : { threads }) };
  return owned.add(await openCapture({ modelPath, prompt, lane, folder, control, ...more }, name));
}

/** The lane that is right, as far as llama.cpp runs it. */
export function rightLane(o: Observing): LlamaLane {
  const spec = parseLane(o.request.reference);
  return spec.kind === 'llama' ? spec : { kind: 'llama', device: 'cpu' };
}

export function isLlama(spec: LaneSpec): spec is LlamaLane {
  return spec.kind === 'llama';
}

/** Evaluates tokens one after another on what those before left. */
export async function advanceAll(session: CaptureSession, tokens: readonly number[]): Promise<void> {
  for (const token of tokens) await session.advance([token]);
}

/** Tokens of one run: those of its first graph, then one graph each. */
export interface Groups {
  readonly first: readonly number[];
  readonly then: readonly number[];
}

/** Runs the groups on the candidate, beside llama.cpp's own run of them, which `session` holds. */
export async function runGroups(
  o: Observing,
  session: CaptureSession,
  { first, then }: Groups,
  name: string,
): Promise<readonly ObservedStep[]> {
  const lanes = await laneTraces(o, session, { first, then }, name);
  return session.steps.map(({ graph, tokens, captured }, i) => {
    const lane = lanes[i];
    assert(lane, `step ${i} of ${name} was not run`);
    return { graph, tokens: tokens.length, llama: captured, lane };
  });
}

async function laneTraces(
  o: Observing,
  session: CaptureSession,
  { first, then }: Groups,
  name: string,
): Promise<readonly ObservedStep['lane'][]> {
  const { spec } = o;
  if (isLlama(spec)) {
    const own = await captureOf(o, spec, first, `${name}-candidate`, { moreTokens: then.length });
    await advanceAll(own, then);
    return own.steps.map((s) => s.captured);
  }
  const lane = freeLane(o, session, name);
  const traces: ObservedStep['lane'][] = [];
  for (const step of session.steps) traces.push((await lane.next(step)).trace);
  return traces;
}

/** A fresh free run of the candidate's lane along a session. */
export function freeLane(o: Observing, session: CaptureSession, name: string): OwnStepLane {
  const { lane, folder, control, request, owned } = o;
  assert(lane, 'a lane that runs graphs itself is open');
  const { access } = request;
  return owned.add(new OwnStepLane(lane, { session, folder, control, name }, access ? { access } : {}));
}
