import type { JobControl } from '../../shared/base/progress';
import { topLogits } from '../../shared/compare/logits';
import { nmseOf } from '../../shared/compare/metrics';
import { INHERITED_SUSPICION } from '../../shared/compare/tolerance';
import { assembleVerdict, lastLogits, logitsNode } from '../../shared/divergence/assemble-verdict';
import type { Candidate, Examination } from '../../shared/divergence/examine';
import { examine } from '../../shared/divergence/examine';
import type { LaneSpec } from '../../shared/divergence/lane-spec';
import { parseLane } from '../../shared/divergence/lane-spec';
import type { Verdict } from '../../shared/divergence/verdict';
import { QuarrelError } from '../../shared/base/errors';
import { staged } from '../../shared/base/control';
import type { FindFirstBadRequest } from '../../shared/ipc/jobs';
import type { NameMap } from '../../shared/trace/name-map';
import type { TraceSource } from '../../shared/trace/trace';
import { tokenPieces } from '../capture/token-pieces';
import { referenceRun } from '../lanes/reference-run';
import type { CaptureSession } from './capture-session';
import { openCapture } from './capture-session';
import { owning } from './owned';
import type { Owned } from './owned';
import type { DumpLane, Engines, OwnLane } from './produce-trace';
import { isOwnLane, openDump, openOwnLane, runOwnLane } from './produce-trace';
import { RunFolder } from './run-folder';

/** What the candidate showed: the examination, its logits and how it was aligned. */
interface Outcome {
  readonly examination: Examination;
  readonly logits: Float32Array | undefined;
  readonly alignment: readonly string[];
}

interface Bisection {
  readonly session: CaptureSession;
  /** The reference lane's trace in graph keys. */
  readonly reference: TraceSource;
  readonly folder: RunFolder;
  readonly engines: Engines;
  readonly owned: Owned;
  readonly control: JobControl;
  readonly map?: NameMap;
}

/** The wizard: captures the graph, runs reference and candidate, judges every node on its own inputs. */
export function findFirstBad(
  request: FindFirstBadRequest & { readonly map?: NameMap; readonly threads?: number },
  engines: Engines,
  control: JobControl,
): Promise<Verdict> {
  return owning(async (owned) => {
    const referenceSpec = parseLane(request.reference);
    const candidateSpec = parseLane(request.candidate);
    const { modelPath, prompt, map, threads } = request;
    const folder = owned.add(new RunFolder());
    const lane = referenceSpec.kind === 'llama' ? referenceSpec : ({ kind: 'llama', device: 'cpu' } as const);
    const session = owned.add(
      await openCapture({ modelPath, prompt, lane, folder, control, ...(threads === undefined ? {} : { threads }) }),
    );
    const common = { session, folder, engines, owned, control };
    const reference = await referenceTrace(referenceSpec, common);
    const bisection: Bisection = { ...common, reference, ...(map ? { map } : {}) };
    const outcome = isOwnLane(candidateSpec)
      ? await examineOwnLane(candidateSpec, bisection)
      : await examineDump(candidateSpec, bisection);
    return verdictOf(request, bisection, outcome);
  });
}

async function referenceTrace(spec: LaneSpec, b: Omit<Bisection, 'reference'>): Promise<TraceSource> {
  const { session, folder, owned, control, engines } = b;
  if (spec.kind === 'llama') return session.captured;
  const out = folder.file('reference.safetensors');
  if (!isOwnLane(spec)) {
    const dump = await openDump(spec, session, { out, control });
    owned.add(dump.file);
    return dump.aligned;
  }
  const lane = owned.add(await openOwnLane(spec, engines));
  return owned.add(await runOwnLane(lane, session, { kind: 'free' }, out, control));
}

async function examineOwnLane(spec: OwnLane, b: Bisection): Promise<Outcome> {
  const { session, reference, folder, owned, control, engines } = b;
  const lane = owned.add(await openOwnLane(spec, engines));
  const free = owned.add(await runOwnLane(lane, session, { kind: 'free' }, folder.file('free.safetensors'), control));
  const seeded = { kind: 'seeded', seed: reference } as const;
  const local = owned.add(await runOwnLane(lane, session, seeded, folder.file('local.safetensors'), control));
  let examination = await judge(b, { ...whole(local), seed: reference, golden: reference });
  if (isClean(examination) && isSuspicious(b, free)) {
    examination = await judge(b, { ...whole(free), seed: free });
  }
  return { examination, logits: lastLogits(session.graph, free), alignment: [] };
}

function isClean(examination: Examination): boolean {
  return !examination.judged.some((j) => j.judgement.bad);
}

/** Whether a run that is right node by node still ends elsewhere than the reference does. */
function isSuspicious({ session, reference }: Bisection, free: TraceSource): boolean {
  const node = logitsNode(session.graph);
  if (!node || !free.entries.has(node.key) || !reference.entries.has(node.key)) return false;
  return !(nmseOf(reference.readF32(node.key), free.readF32(node.key)) <= INHERITED_SUSPICION);
}

async function examineDump(spec: DumpLane, b: Bisection): Promise<Outcome> {
  const { session, folder, owned, control, map } = b;
  const { file, aligned } = await openDump(spec, session, {
    out: folder.file('candidate.safetensors'),
    control,
    ...(map ? { map } : {}),
  });
  owned.add(file);
  if (aligned.entries.size === 0) {
    const some = [...file.entries.keys()].slice(0, 3).join(', ');
    throw new QuarrelError(
      `${file.label}: none of its ${file.entries.size} checkpoints (${some} …) is a node of the graph; ` +
        'give --map FILE to translate names',
    );
  }
  const candidate: Candidate = {
    seed: aligned,
    results: aligned,
    dtype: (key) => aligned.dtype(key),
    mask: (key) => aligned.mask(key),
  };
  const examined = await judge(b, candidate);
  const examination = isClean(examined) ? examined : await withoutDistrusted(b, examined);
  const withMisfits = { ...examination, notMeasured: [...aligned.misfits, ...examination.notMeasured] };
  return { examination: withMisfits, logits: lastLogits(session.graph, aligned), alignment: aligned.notes };
}

/**
 * Before a dump is blamed, the reference lane is judged by the same rule on its own inputs. Where it fails too, our
 * correct ways are in doubt, not the dump: the node is not measured.
 */
async function withoutDistrusted(b: Bisection, examined: Examination): Promise<Examination> {
  const control = await judge(b, { ...whole(b.reference), seed: b.reference });
  const distrusted = new Set(control.judged.filter((j) => j.judgement.bad).map((j) => j.node.key));
  const judged = examined.judged.filter((j) => !j.judgement.bad || !distrusted.has(j.node.key));
  const doubted = examined.judged.filter((j) => !judged.includes(j));
  return {
    judged,
    notMeasured: [
      ...doubted.map(({ node }) => ({
        node: node.key,
        op: node.kind,
        reason: 'the reference lane fails the same test here',
      })),
      ...examined.notMeasured,
    ],
  };
}

function whole(results: TraceSource): Pick<Candidate, 'results' | 'dtype' | 'mask'> {
  return { results, dtype: () => 'F32', mask: () => undefined };
}

async function judge({ session, control }: Bisection, candidate: Candidate): Promise<Examination> {
  return examine({
    graph: session.graph,
    weights: session.model,
    captured: session.captured,
    candidate,
    run: referenceRun,
    control: staged(control, 'judge each node on its own inputs'),
  });
}

async function verdictOf(request: FindFirstBadRequest, b: Bisection, outcome: Outcome): Promise<Verdict> {
  const { session, reference } = b;
  const referenceLogits = lastLogits(session.graph, reference);
  const inputs = {
    model: request.modelPath,
    reference: request.reference,
    candidate: request.candidate,
    tokens: session.tokens,
    graph: session.graph,
    weights: session.model,
    captured: session.captured,
    examination: outcome.examination,
    referenceLogits,
    candidateLogits: outcome.logits,
    alignment: outcome.alignment,
    ...(request.expect === undefined ? {} : { expect: request.expect }),
    ...(request.minLogit === undefined ? {} : { minLogit: request.minLogit }),
  };
  const pieces = await tokenPieces(session.model.path, bestTokens([referenceLogits, outcome.logits]));
  return assembleVerdict({ ...inputs, textOf: (token) => pieces.get(token) });
}

function bestTokens(rows: readonly (Float32Array | undefined)[]): number[] {
  return rows.flatMap((row) => (row ? topLogits(row, 1).map((t) => t.token) : []));
}
