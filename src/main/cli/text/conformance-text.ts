import path from 'node:path';

import { MARGIN } from '../../../shared/compare/tolerance';
import type { ConformanceLane, ConformanceReport, ModelConformance } from '../../../shared/divergence/conformance';
import { CONFORMANCE_LANES, worstOp } from '../../../shared/divergence/conformance';
import { error, table } from './table';

const LISTED = 5;

/** One line as soon as a model is done. */
export function modelLine(m: ModelConformance): string {
  const head = `${m.ok ? 'ok  ' : 'FAIL'}  ${path.basename(m.file)}`;
  const lanes = CONFORMANCE_LANES.flatMap((lane) => {
    const nmse = m.nmse[lane];
    return nmse === null ? [] : [`${lane} ${error(nmse)}`];
  });
  const steps = m.stepsAsked > 0 ? `, ${stepsOf(m)} steps` : '';
  return `${head}: ${m.compared} nodes${steps}${lanes.length > 0 ? `; NMSE at the end: ${lanes.join(', ')}` : ''}; ${m.seconds.toFixed(1)} s`;
}

/** The table of all models, what failed, the ops, and the total. */
export function conformanceText(report: ConformanceReport): string {
  const rows = report.models.map((m) => [
    m.ok ? 'ok' : 'FAIL',
    path.basename(m.file),
    String(m.compared),
    stepsOf(m),
    m.rounding === null ? '–' : error(m.rounding),
    ...CONFORMANCE_LANES.flatMap((lane) => [nmse(m, lane), worst(m, lane)]),
    `${m.seconds.toFixed(1)} s`,
  ]);
  const head = [
    '',
    'model',
    'nodes',
    'steps',
    'rounding',
    ...CONFORMANCE_LANES.flatMap((lane) => [lane, 'worst op']),
    'time',
  ];
  return [
    table(head, rows, new Set([2, 3, 4, 5, 7, 9])),
    `(lanes: NMSE at the last node against llama.cpp, worst step; rounding: what llama.cpp's 8-bit activations add up to there;`,
    ` worst op: local error in noise floors, limit ${MARGIN.node})`,
    ...report.models.flatMap(choices),
    ...report.models.flatMap(problems),
    '',
    ...opTable(report),
    '',
    `${report.passed} passed, ${report.failed} failed`,
  ].join('\n');
}

/** Decode steps; fewer than were asked for are told apart. */
function stepsOf({ steps, stepsAsked }: ModelConformance): string {
  const ran = Math.max(0, steps.length - 1);
  return ran < stepsAsked ? `${ran} of ${stepsAsked}` : String(ran);
}

function nmse(m: ModelConformance, lane: ConformanceLane): string {
  const value = m.nmse[lane];
  return value === null ? '–' : error(value);
}

function worst(m: ModelConformance, lane: ConformanceLane): string {
  const op = worstOp(m, lane);
  return op ? `${op.kind} ${op.floors.toPrecision(2)}` : '–';
}

/** Where a near tie sent the free run another way, it must end right along llama.cpp's choices. */
function choices(m: ModelConformance): string[] {
  const ends = m.steps.flatMap(({ alongChoices }) => (alongChoices ? [alongChoices.nmse] : []));
  if (ends.length === 0) return [];
  const worst = Math.max(...ends.flatMap((nmse) => CONFORMANCE_LANES.flatMap((lane) => nmse[lane] ?? [])));
  return [
    `${path.basename(m.file)}: a near tie decided which experts or positions were chosen; along llama.cpp's own choices it ends at ${error(worst)}`,
  ];
}

function problems(m: ModelConformance): string[] {
  if (m.problems.length === 0) return [];
  const more = m.problems.length > LISTED ? [`    … and ${m.problems.length - LISTED} more`] : [];
  return ['', `${path.basename(m.file)}:`, ...m.problems.slice(0, LISTED).map((p) => `    ${p}`), ...more];
}

/** Every kind of op over all models. */
function opTable({ models }: ConformanceReport): string[] {
  const kinds = [...new Set(models.flatMap((m) => Object.keys(m.ops)))].sort();
  if (kinds.length === 0) return [];
  const rows = kinds.map((kind) => {
    const ops = models.flatMap((m) => m.ops[kind as keyof typeof m.ops] ?? []);
    const most = (lane: ConformanceLane): string => {
      const floors = ops.flatMap((op) => op[lane] ?? []);
      return floors.length === 0 ? '–' : Math.max(...floors).toPrecision(2);
    };
    const nodes = ops.reduce((sum, op) => sum + op.nodes, 0);
    return [kind, String(ops.length), String(nodes), ...CONFORMANCE_LANES.map(most)];
  });
  return [table(['op', 'models', 'nodes', ...CONFORMANCE_LANES], rows, new Set([1, 2, 3, 4]))];
}
