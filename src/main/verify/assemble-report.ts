import type {
  LaneSummary,
  LaneVerdict,
  NotMeasuredTensor,
  TensorLaneReport,
  TensorVerification,
  VerifyReport,
} from '../../shared/compare/decode-report';
import type { DifferenceClass } from '../../shared/compare/decode-difference';
import { noDifference } from '../../shared/compare/decode-difference';
import { verifyFindings } from '../../shared/compare/decode-findings';
import { fileType } from '../../shared/gguf/file-type';
import { rowBytes } from '../../shared/quant/registry';
import type { ModelFile } from '../files/model-file';
import type { OpenLane } from './open-lanes';
import type { LaneTimes } from './run-checks';

/** What a verification has in hand at its end. */
export interface VerifyOutcome {
  readonly model: ModelFile;
  readonly sample: number | undefined;
  readonly lanes: readonly OpenLane[];
  readonly tensors: readonly TensorVerification[];
  /** Tensors that no lane could decode. */
  readonly notMeasured: readonly NotMeasuredTensor[];
  readonly times: LaneTimes;
  readonly threads: number;
  readonly seconds: number;
}

export function assembleReport(outcome: VerifyOutcome): VerifyReport {
  const { model, sample, lanes, tensors, threads, seconds } = outcome;
  const declared = model.gguf.metadata.number('general.file_type');
  const values = tensors.reduce((sum, tensor) => sum + tensor.values, 0);
  const summaries = lanes.map((lane, i) => laneSummary(lane, i, outcome));
  return {
    schema: 'quarrel.verify/1',
    model: model.path,
    shards: model.gguf.shards.map((shard) => shard.label),
    declaredType: (declared === undefined ? undefined : fileType(declared)?.name) ?? null,
    sample: sample ?? null,
    lanes: summaries,
    tensors,
    notMeasured: [...outcome.notMeasured, ...tensors.flatMap(notMeasuredLanes)],
    findings: verifyFindings(model.gguf, tensors),
    totals: {
      tensors: tensors.length,
      values,
      bytes: tensors.reduce((sum, tensor) => sum + rowBytes(tensor.type, tensor.values), 0),
      mismatches: summaries.reduce((sum, lane) => sum + lane.mismatches, 0),
    },
    threads,
    seconds,
    valuesPerSecond: values / seconds,
  };
}

function notMeasuredLanes({ name, lanes }: TensorVerification): NotMeasuredTensor[] {
  return lanes.flatMap(({ lane, reason }) => (reason === null ? [] : [{ tensor: name, lane, reason }]));
}

/** @param index of the lane among those of every tensor */
function laneSummary(lane: OpenLane, index: number, { tensors, times }: VerifyOutcome): LaneSummary {
  const reports = tensors.map((tensor) => ({ tensor, report: tensor.lanes[index]! }));
  const measured = reports.filter(({ report }) => report.verdict !== 'not-measured');
  const verdict = summaryVerdict(reports.map(({ report }) => report));
  const { counts } = noDifference(1);
  for (const { report } of reports) {
    for (const kind of Object.keys(counts) as DifferenceClass[]) counts[kind] += report.counts[kind];
  }
  const unmeasured = reports.find(({ report }) => report.reason !== null);
  return {
    lane: lane.name,
    verdict,
    engine: lane.engine ?? null,
    reason: verdict === 'not-measured' ? (unmeasured?.report.reason ?? 'there is no tensor to decode') : null,
    tensors: measured.length,
    values: measured.reduce((sum, { tensor }) => sum + tensor.values, 0),
    mismatches: reports.reduce((sum, { report }) => sum + report.mismatches, 0),
    counts,
    badTensors: reports.filter(({ report }) => report.mismatches > 0).length,
    decodeSeconds: lane.device ? lane.device.decodeMs / 1000 : times.seconds(lane.name),
  };
}

const BY_WEIGHT: readonly LaneVerdict[] = ['different', 'equal', 'judge'];

function summaryVerdict(reports: readonly TensorLaneReport[]): LaneVerdict {
  return BY_WEIGHT.find((verdict) => reports.some((report) => report.verdict === verdict)) ?? 'not-measured';
}
