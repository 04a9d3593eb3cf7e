/** What a wizard's run checks beside its nodes. */
import { defined } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import type { VerdictInputs } from '../../shared/divergence/assemble-verdict';
import type { GraphLane } from '../../shared/divergence/lane';
import type { LaneSpec } from '../../shared/divergence/lane-spec';
import { parseLane } from '../../shared/divergence/lane-spec';
import { requireEffect } from '../../shared/divergence/placement';
import type { FindFirstBadRequest } from '../../shared/ipc/jobs';
import type { ModelFile } from '../files/model-file';
import { TraceFile } from '../traces/trace-file';
import type { CaptureSession } from './capture-session';
import type { JudgedStep } from './diagnose-steps';
import type { ForeignLane } from './foreign-lane';
import type { ObserveContext } from './observe/observe';
import { observe } from './observe/observe';
import type { PreflightRequest } from './preflight';
import { declaredOf, preflight } from './preflight';
import type { SearchBudgets } from './search-budgets';
import type { TokensToRun } from './tokens-to-run';

/** What a run gathers for its checks on the way. */
export interface Beside {
  readonly tokens: TokensToRun;
  /** The foreign program, once it is the candidate. */
  program?: ForeignLane;
  /** The candidate's lane, once it is open, where that runs graphs itself. */
  lane?: GraphLane;
}

export type Checks = Pick<VerdictInputs, 'preflight' | 'preflightCause' | 'unusable' | 'observations' | 'runs'>;

export interface BesideContext extends Omit<ObserveContext, 'program' | 'lane'> {
  readonly request: FindFirstBadRequest & ObserveContext['request'];
  readonly beside: Beside;
  readonly budgets: SearchBudgets;
}

/** Preflight, and the further runs that were asked for. */
export async function checkBeside(b: BesideContext, steps: readonly JudgedStep[]): Promise<Checks> {
  const { program, lane, tokens } = b.beside;
  const first = defined(steps[0], 'the prompt');
  const { session, budgets } = b;
  const { model } = session;
  const { rungs, cause, unusable } = await preflight(
    { model, first: session.first, examination: first.examination, tokens, dump: dumpOf(b), budgets },
    b.control,
  );
  const observations = await observe({ ...b, ...(program ? { program } : {}), ...(lane ? { lane } : {}) });
  return {
    preflight: rungs,
    preflightCause: cause,
    unusable,
    observations,
    ...(program ? { runs: program.runs } : {}),
  };
}

/** What the candidate's dump says of itself; undefined for lanes that read the model file. */
function dumpOf({ request, beside }: BesideContext): PreflightRequest['dump'] {
  const spec = parseLane(request.candidate);
  return spec.kind === 'cmd' ? beside.program?.firstDump : dumpAt(spec);
}

function dumpAt(spec: LaneSpec): TraceFile | undefined {
  if (spec.kind !== 'trace') return undefined;
  const file = TraceFile.open(spec.path);
  file.dispose();
  return file;
}

/** Throws QuarrelError where the request, or the dump that it brings, asks for what this model has not. */
export function requireFitting({ model, first }: CaptureSession, request: FindFirstBadRequest): void {
  const { expect, minLogit, reference, candidate } = request;
  if ((expect !== undefined || minLogit !== undefined) && !first.hasLogits) {
    const asked = expect === undefined ? '--min-logit' : '--expect';
    throw new QuarrelError(
      `${asked}: ${model.label} gives no logits for the prompt, so there is no next token to check`,
    );
  }
  requirePlaced(model, parseLane(reference));
  requirePlaced(model, parseLane(candidate));
  const dump = dumpAt(parseLane(candidate));
  if (dump) declaredOf(dump, model);
}

/** Throws QuarrelError where a rule of a `place:` lane picks no layer of the model. */
export function requirePlaced(model: ModelFile, spec: LaneSpec): void {
  if (spec.kind !== 'place') return;
  const numbers = model.gguf.tensors.flatMap(({ name }) => /(?:^|\.)blk\.(\d+)\./.exec(name)?.[1] ?? []);
  if (numbers.length > 0) requireEffect(spec.rules, new Set(numbers.map(Number)));
}
