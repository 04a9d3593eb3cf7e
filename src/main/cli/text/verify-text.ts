import type { DifferenceClass } from '../../../shared/compare/decode-difference';
import type {
  BadBlockReport,
  LaneSummary,
  NotMeasuredTensor,
  TensorLaneReport,
  TensorVerification,
  VerifyReport,
} from '../../../shared/compare/decode-report';
import { findingLine } from '../../../shared/gguf/finding-line';
import { bytes, number, table } from './table';

const SHOWN_TENSORS = 20;
const SHOWN_FINDINGS = 12;
const SHOWN_NAMES = 4;

const CLASS_NAMES: readonly (readonly [DifferenceClass, string])[] = [
  ['ulp0', 'sign of zero'],
  ['ulp1', '1 ULP'],
  ['ulp16', '2…16 ULP'],
  ['larger', '> 16 ULP'],
  ['sign', 'sign'],
  ['nonFinite', 'NaN or Inf'],
  ['flushedSubnormal', 'flushed subnormal'],
  ['nanPayload', 'NaN payload'],
];

/** A verification as a person reads it in a terminal. */
export function verifyText(r: VerifyReport): string {
  const sampled = r.sample === null ? '' : `, at most ${r.sample} runs of 256 values per tensor`;
  const { tensors, values } = r.totals;
  return [
    `${r.model}: ${tensors} tensors, ${values.toLocaleString('en')} values of ${bytes(r.totals.bytes)}${sampled}` +
      (r.declaredType === null ? '' : `, declared ${r.declaredType}`),
    '',
    table(
      ['lane', 'verdict', 'tensors', 'mismatches', ...CLASS_NAMES.map(([, name]) => name), 'M values/s'],
      r.lanes.map(laneRow),
      new Set([2, 3, ...CLASS_NAMES.map((_, i) => 4 + i), 4 + CLASS_NAMES.length]),
    ),
    ...r.lanes.flatMap((lane) => (lane.engine === null ? [] : [`${lane.lane}: ${lane.engine}`])),
    '',
    ...mismatches(r),
    ...notMeasured(r.notMeasured),
    ...scales(r.tensors),
    ...findings(r),
    `${values.toLocaleString('en')} values in ${r.seconds.toFixed(1)} s on ${r.threads} threads: ` +
      `${(r.valuesPerSecond / 1e6).toFixed(0)} M values/s, ${bytes(r.totals.bytes / r.seconds)}/s of the file`,
  ].join('\n');
}

function laneRow(lane: LaneSummary): string[] {
  const { verdict, tensors, mismatches, counts, values, decodeSeconds } = lane;
  if (verdict === 'not-measured') return [lane.lane, 'not measured', '0'];
  const rate = decodeSeconds > 0 ? (values / decodeSeconds / 1e6).toFixed(0) : '';
  const cells = verdict === 'judge' ? CLASS_NAMES.map(() => '') : CLASS_NAMES.map(([kind]) => String(counts[kind]));
  return [lane.lane, verdict, String(tensors), verdict === 'judge' ? '' : String(mismatches), ...cells, rate];
}

function mismatches(r: VerifyReport): string[] {
  const bad = r.tensors.flatMap((tensor) =>
    tensor.lanes.filter((lane) => lane.mismatches > 0).map((lane) => ({ tensor, lane })),
  );
  const shown = bad.slice(0, SHOWN_TENSORS).flatMap(({ tensor, lane }) => mismatchLines(tensor, lane));
  return [...shown, ...more(bad.length - SHOWN_TENSORS, 'tensors mismatch')];
}

function mismatchLines(tensor: TensorVerification, lane: TensorLaneReport): string[] {
  const { shape } = lane;
  const lines = [
    `${tensor.name} (${tensor.type}), ${lane.lane} against ${tensor.judge}: ${lane.mismatches} of ${tensor.values} values in ${lane.badBlocks} blocks`,
  ];
  if (shape !== null && shape.blockElements > 1) {
    const divided = shape.subBlockElements < shape.blockElements;
    const subBlocks = divided ? `, sub-blocks ${list(shape.subBlocks)} (of ${shape.subBlockElements})` : '';
    lines.push(`  shape: elements ${ranges(shape.elements)} of ${shape.blockElements}${subBlocks}`);
  }
  const first = lane.first[0];
  const worst = lane.worst[0];
  if (first) lines.push(`  first: ${blockLine(first)}`);
  if (worst) lines.push(`  worst: ${blockLine(worst)}`);
  return [...lines, ''];
}

function blockLine({ block, row, column, mismatches: count, elements, worst }: BadBlockReport): string {
  const { element, subBlock, positionInSubBlock, judge, lane, judgeBits, laneBits, ulp } = worst;
  const distance = ulp === null ? '' : `, ${ulp} ULP`;
  return (
    `block ${block} (row ${row}, columns from ${column}): ${count} values, elements ${ranges(elements)}; ` +
    `element ${element} (sub-block ${subBlock}, its element ${positionInSubBlock}) ` +
    `${show(lane)} (${laneBits}) for ${show(judge)} (${judgeBits})${distance}`
  );
}

/** Grouped by lane and reason: a lane that is missing is missing for every tensor. */
function notMeasured(entries: readonly NotMeasuredTensor[]): string[] {
  const groups = new Map<string, string[]>();
  for (const { tensor, lane, reason } of entries) {
    const key = `${lane ?? 'any lane'}: ${reason}`;
    groups.set(key, [...(groups.get(key) ?? []), tensor]);
  }
  const lines = [...groups].map(([key, tensors]) => `not measured by ${key} (${names(tensors)})`);
  return lines.length > 0 ? [...lines, ''] : [];
}

/** NaN and infinite scales are findings; the others are only counted. */
function scales(tensors: readonly TensorVerification[]): string[] {
  const lines = (['subnormal', 'zero'] as const).flatMap((kind) => {
    const found = tensors.flatMap((tensor) => {
      const own = tensor.scales.filter((scale) => scale.kind === kind);
      return own.length > 0 ? [{ tensor, count: own.reduce((sum, scale) => sum + scale.count, 0), own }] : [];
    });
    const first = found[0];
    if (first === undefined) return [];
    const total = found.reduce((sum, { count }) => sum + count, 0);
    const at = `first ${first.own[0]!.slot} of block ${first.own[0]!.blocks[0]!.block} of ${first.tensor.name}`;
    return [`${kind} scales: ${total} in ${found.length} tensors, ${at}`];
  });
  return lines.length > 0 ? [...lines, ''] : [];
}

function findings(r: VerifyReport): string[] {
  if (r.findings.length === 0) return ['no findings', ''];
  const lines = r.findings.map((f) => findingLine(f, r.shards));
  return [
    ...lines.slice(0, SHOWN_FINDINGS),
    ...more(lines.length - SHOWN_FINDINGS, 'findings (--json lists them)'),
    '',
  ];
}

function more(count: number, what: string): string[] {
  return count > 0 ? [`… ${count} more ${what}`] : [];
}

function names(all: readonly string[]): string {
  const rest = all.length - SHOWN_NAMES;
  return all.slice(0, SHOWN_NAMES).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function ranges(all: readonly (readonly [number, number])[]): string {
  const shown = all.slice(0, 8).map(([from, to]) => (from === to ? String(from) : `${from}…${to}`));
  return shown.join(', ') + (all.length > 8 ? ` … (${all.length} stretches)` : '');
}

function list(numbers: readonly number[]): string {
  return numbers.length > 0 && numbers.length - 1 === numbers.at(-1)! - numbers[0]! && numbers.length > 2
    ? `${numbers[0]}…${numbers.at(-1)}`
    : numbers.join(', ');
}

function show(x: number | string): string {
  return typeof x === 'number' ? number(x) : x;
}
