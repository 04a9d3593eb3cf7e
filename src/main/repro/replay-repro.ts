/** Runs a repro again: what is right, and the candidate's result from its kernels or from the proved cause. */
import path from 'node:path';

import { staged } from '../../shared/base/control';
import { defined } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import { nmseOf } from '../../shared/compare/metrics';
import { REPRO_SAME } from '../../shared/compare/tolerance';
import { attemptsAt, valueOf } from '../../shared/diagnosis/attempt';
import { HYPOTHESES } from '../../shared/diagnosis/registry';
import type { Prediction } from '../../shared/diagnosis/replay';
import { Replay } from '../../shared/diagnosis/replay';
import type { Judgement } from '../../shared/divergence/judge';
import { judgeNode } from '../../shared/divergence/judge';
import type { LaneSpec } from '../../shared/divergence/lane-spec';
import { parseLane } from '../../shared/divergence/lane-spec';
import type { NodeId } from '../../shared/base/brand';
import type { Dims } from '../../shared/graph/graph';
import { tensorOf } from '../../shared/graph/graph';
import { onUnchanged } from '../files/watched-files';
import type { Engines, OwnLane } from '../jobs/produce-trace';
import { isOwnLane, openOwnLane } from '../jobs/produce-trace';
import { withEngine } from '../lanes/reference-run';
import type { Repro } from './read-repro';
import { openRepro } from './read-repro';
import { REPRO_FILES } from './repro-document';
import { runPart } from './run-part';

/** `replay --json`. */
export interface ReplayReport {
  readonly schema: 'quarrel.replay/1';
  readonly folder: string;
  readonly node: string;
  readonly op: string;
  readonly candidate: string;
  /** What gave `replayed`: a lane, or a proved cause; null where neither is at hand. */
  readonly by: { readonly kind: 'lane' | 'cause'; readonly name: string } | null;
  readonly noiseFloor: number;
  readonly margin: number;
  /** NMSE of the right result computed here against the folder's. */
  readonly rightNmse: number;
  /** The worst element of the verdict. */
  readonly worst: {
    readonly index: Dims;
    readonly expected: number;
    readonly dumped: number;
    readonly replayed: number | null;
  };
  /** NMSE against the expected result; Infinity (as text) where one is not finite and the other is. */
  readonly nmse: { readonly dumped: number; readonly replayed: number | null };
  /** NMSE between the wrong result as dumped and as replayed. */
  readonly apart: number | null;
  /** Whether there is an error: the replayed result's, the dumped one's where nothing was replayed. */
  readonly wrong: boolean;
  /** Which test decided, in words. */
  readonly why: string;
}

export interface ReplayReproRequest {
  readonly folder: string;
  /** LANE to replay the part on; what the folder says when absent. */
  readonly candidate?: string;
}

/** Throws QuarrelError where the folder is no repro, is damaged, or the lane cannot run. */
export function replayRepro(request: ReplayReproRequest, engines: Engines, control: JobControl): Promise<ReplayReport> {
  const { tensors, weights, document } = REPRO_FILES;
  const files = [tensors, weights, document].map((name) => path.join(request.folder, name));
  return onUnchanged(files, () => replayOpened(request, engines, control));
}

async function replayOpened(
  { folder, candidate }: ReplayReproRequest,
  engines: Engines,
  control: JobControl,
): Promise<ReplayReport> {
  const asked = candidate === undefined ? undefined : ownLane(candidate);
  const repro = await openRepro(folder);
  try {
    return await withEngine(repro.weights, control, undefined, async (engine) => {
      const replay = await Replay.open({ ...repro.request, engine, control });
      const rightNmse = checkedRight(repro, replay);
      const lane = asked ?? laneOf(repro);
      const stage = staged(control, `replay ${repro.document.node}`);
      const again = lane
        ? await onLane(repro, lane, candidate ?? ownName(lane), engines, stage)
        : await fromCause(repro, replay);
      return reportOf(repro, replay, rightNmse, again);
    });
  } finally {
    await repro.dispose();
  }
}

interface Again {
  readonly by: NonNullable<ReplayReport['by']>;
  readonly values: Float32Array;
}

function ownLane(candidate: string): OwnLane {
  const spec: LaneSpec = parseLane(candidate);
  if (isOwnLane(spec)) return spec;
  throw new QuarrelError(`--candidate ${candidate}: a part of a graph runs on webgpu[@DIR] or reference`);
}

/** The lane that was under test, its kernels as the folder has them. */
function laneOf({ document, overlay }: Repro): OwnLane | undefined {
  const { kernels } = document.replay;
  if (kernels === 'webgpu') return { kind: 'webgpu', ...(overlay === undefined ? {} : { overlay }) };
  return kernels === 'reference' ? { kind: 'reference' } : undefined;
}

function ownName(lane: OwnLane): string {
  return lane.kind === 'webgpu' && lane.overlay !== undefined ? `webgpu@${lane.overlay}` : lane.kind;
}

function checkedRight({ expected, folder, document }: Repro, replay: Replay): number {
  const right = replay.right('exact');
  if (right.length !== expected.length) {
    throw new QuarrelError(
      `${folder}: the expected ${document.node} has ${expected.length} elements; the reference gives ${right.length}`,
    );
  }
  const nmse = nmseOf(expected, right);
  if (nmse <= REPRO_SAME) return nmse;
  throw new QuarrelError(
    `${folder}: the reference gives another ${document.node} than the folder expects (${nmse.toExponential(1)} NMSE): ` +
      'its inputs were changed, or it was exported by a version that computed this op otherwise',
  );
}

async function onLane(
  repro: Repro,
  spec: OwnLane,
  name: string,
  engines: Engines,
  control: JobControl,
): Promise<Again> {
  const lane = await openOwnLane(spec, engines);
  try {
    return { by: { kind: 'lane', name }, values: await runPart(repro, lane, control) };
  } finally {
    await lane.dispose();
  }
}

/** The wrong result from the proved cause; undefined where none was proved. */
async function fromCause(repro: Repro, replay: Replay): Promise<Again | undefined> {
  const { document, folder } = repro;
  const told = document.replay.hypothesis;
  if (!told) return undefined;
  const hypothesis = HYPOTHESES.find((h) => h.id === told.id);
  if (!hypothesis) throw new QuarrelError(`${folder}: this version knows no cause ${told.id}`);
  const first = defined(replay.arithmetics[0], 'the first arithmetic');
  const attempts = repro.looking(() => attemptsAt(hypothesis, replay, first));
  const attempt = attempts.find((a) => a.label === told.attempt);
  if (!attempt) {
    throw new QuarrelError(
      `${folder}: the cause ${told.id} has no variant ${JSON.stringify(told.attempt)} at its node here`,
    );
  }
  const changes = new Map<NodeId, Prediction>(
    [...valueOf(attempt, told.value ?? undefined).variants].map(([node, variant]) => [
      node.id,
      (site) => variant.predict(site),
    ]),
  );
  const values = await replay.predict(changes, told.arithmetic);
  return { by: { kind: 'cause', name: hypothesis.title }, values };
}

function reportOf(repro: Repro, replay: Replay, rightNmse: number, again: Again | undefined): ReplayReport {
  const { document, expected, folder } = repro;
  const { wrong, mask, end } = replay;
  const judged = judge(repro, replay, again?.values ?? wrong);
  const index = document.bad.worst.index;
  const at = offsetOf(index, end.ne);
  return {
    schema: 'quarrel.replay/1',
    folder,
    node: document.node,
    op: end.kind,
    candidate: document.candidate,
    by: again?.by ?? null,
    noiseFloor: judged.noiseFloor,
    margin: document.margin,
    rightNmse,
    worst: {
      index,
      expected: elementAt(expected, at),
      dumped: elementAt(wrong, at),
      replayed: again ? elementAt(again.values, at) : null,
    },
    nmse: { dumped: nmseOf(expected, wrong, mask), replayed: again ? nmseOf(expected, again.values, mask) : null },
    apart: again ? nmseOf(wrong, again.values, mask) : null,
    wrong: judged.bad,
    why: judged.why,
  };
}

/** By the wizard's own rule. */
function judge({ request, document }: Repro, replay: Replay, candidate: Float32Array): Judgement {
  const { end, mask } = replay;
  const { captured } = request;
  const site = replay.site(end, 'exact');
  return judgeNode({
    tensor: end,
    candidate,
    exact: replay.right('exact'),
    others: replay.arithmetics.filter((a) => a !== 'exact').map((a) => replay.right(a)),
    ...(mask ? { mask } : {}),
    dtype: document.dtype,
    stretchLength: document.bad.stretch.length + 1,
    maxPosition: Math.max((captured.manifest?.past ?? 0) + captured.tokens.length - 1, 0),
    source: (index) => {
      const values = site?.source(index);
      const id = end.src[index];
      return values && id !== undefined ? { ne: tensorOf(request.graph, id).ne, values } : undefined;
    },
  });
}

function offsetOf([i0, i1, i2, i3]: Dims, [n0, n1, n2]: Dims): number {
  return ((i3 * n2 + i2) * n1 + i1) * n0 + i0;
}

function elementAt(values: Float32Array, at: number): number {
  return defined(values[at], `element ${at} of ${values.length}`);
}
