import type { ProbedField, ProbeReport } from '../../../shared/gpu/probe-block';
import { PROBED_FIELD_TITLES } from '../../../shared/gpu/probe-block';
import { binary, marked } from './bits';
import { number, table } from './table';

/** Q4_1 and Q5_1 add a min that no sub-block scales. */
const ADDED_MIN: ReadonlySet<string> = new Set(['Q4_1', 'Q5_1']);

/** Fields of more values are summed up unless they differ. */
const MOST_LISTED = 16;
/** Differing values of a longer field that are listed. */
const MOST_DIFFERENT = 8;

/** What the kernel decoded beside what the CPU did; differing bits are marked below each pair. */
export function probeText(report: ProbeReport, kernel: string): string {
  const verdict = report.equal ? 'every field has equal bits' : 'fields differ';
  return [
    `kernel probe (${kernel}): ${verdict}`,
    '',
    table(
      ['field', 'values', 'elements each', 'equal', 'flushed', 'NaN', 'different'],
      report.fields.map((f) => [title(f, report), ...counts(f)]),
      new Set([1, 2, 3, 4, 5, 6]),
    ),
    ...report.fields.flatMap((f) => listed(f, report)),
  ].join('\n');
}

function title({ field }: ProbedField, { type }: ProbeReport): string {
  return field === 'dmin' && ADDED_MIN.has(type) ? 'm' : PROBED_FIELD_TITLES[field];
}

function counts(f: ProbedField): string[] {
  const values = String(Math.max(f.cpu.length, f.gpu.length));
  if (f.gpu.length === 0) return [values, String(f.elementsPerValue), 'the kernel does not note it'];
  if (f.cpu.length === 0) return [values, String(f.elementsPerValue), 'the CPU has no such field'];
  const { equal, flushed, nan, different } = f.classes;
  return [values, ...[f.elementsPerValue, equal, flushed, nan, different].map(String)];
}

/** Short fields whole, long ones where they differ. */
function listed(f: ProbedField, report: ProbeReport): string[] {
  const both = f.cpu.length > 0 && f.gpu.length > 0;
  if (!both || (f.cpu.length > MOST_LISTED && f.different.length === 0)) return [];
  const long = f.cpu.length > MOST_LISTED;
  const indices = long ? f.different.slice(0, MOST_DIFFERENT) : f.cpu.map((_, i) => i);
  const more = long ? f.different.length - indices.length : 0;
  return [
    '',
    ...indices.flatMap((i) => pair(f, i, f.cpu.length === 1 ? title(f, report) : `${title(f, report)}[${i}]`)),
    ...(more > 0 ? [`… and ${more} more of ${title(f, report)} differ`] : []),
  ];
}

function pair(f: ProbedField, i: number, name: string): string[] {
  const [cpuBits, gpuBits] = [f.cpuBits[i] as string, f.gpuBits[i] as string];
  const line = (side: string, value: number, bits: string): string =>
    `${name.padEnd(12)} ${side}  ${number(value).padStart(12)}  ${binary(bits)}`;
  const cpu = line('CPU', f.cpu[i] as number, cpuBits);
  if (cpuBits === gpuBits) return [`${cpu}  =`];
  const indent = ' '.repeat(cpu.length - binary(cpuBits).length);
  const marks = marked(binary(cpuBits), binary(gpuBits));
  return [cpu, line('GPU', f.gpu[i] as number, gpuBits), `${indent}${marks}`];
}
