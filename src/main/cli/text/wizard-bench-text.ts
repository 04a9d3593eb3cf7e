import { PRECISIONS } from '../../bench/wizard/engine-kinds';
import type { ControlResult, NodeCounts, PlantResult, Skipped, WizardBench } from '../../bench/wizard/score';
import { AIMS, meetsAims, totalsOf } from '../../bench/wizard/score';
import { error, table } from './table';

const HEAD = ['row', 'bug', 'model', 'parameters', 'planted at', 'effect', 'node', 'cause', 'explained', 's'];
const NUMBERS: ReadonlySet<number> = new Set([0, 5, 8, 9]);

/** The benchmark for people: each plant, each control that was blamed, the totals. */
export function wizardBenchText(bench: WizardBench): string {
  const plants = bench.plants.map((p) => [...cells(p), ...(p.nodeHit ? [] : [`found ${p.found}`])]);
  const blamed = bench.controls.filter((c) => !c.clean);
  return [
    table([...HEAD, ''], plants, NUMBERS),
    '',
    table(PRECISION_HEAD, precisionRows(bench.plants), PRECISION_NUMBERS),
    '',
    controlText(bench.controls),
    ...blamed.map((c) => `  blamed: ${c.name} on ${c.model} (${c.note}): ${c.reason ?? c.blamed.join(', ')}`),
    ...skippedText(bench.skipped),
    '',
    totalText(bench),
  ].join('\n');
}

const KINDS = ['row', 'bug', 'planted in', 'runs', 'node', 'cause', 'wrong cause', 'least explained', 's'];
const KIND_NUMBERS: ReadonlySet<number> = new Set([0, 3, 4, 5, 6, 7, 8]);

/** The tables of docs/benchmarks.md: each kind of bug, what was missed, the controls. */
export function wizardBenchMarkdown(bench: WizardBench): string {
  const names = [...new Set(bench.plants.map((p) => p.name))];
  const kinds = names.map((name) => kindCells(bench.plants.filter((p) => p.name === name)));
  const missed = bench.plants.filter((p) => !p.nodeHit || !p.causeHit || p.alsoBlamed.length > 0);
  return [
    totalText(bench),
    '',
    ...markdownTable(PRECISION_HEAD, precisionRows(bench.plants), PRECISION_NUMBERS),
    '',
    ...markdownTable(KINDS, kinds, KIND_NUMBERS),
    '',
    'Not found, or without the right cause:',
    '',
    ...markdownTable(
      [...HEAD, 'found'],
      missed.map((p) => [...cells(p), p.found]),
      NUMBERS,
    ),
    '',
    controlText(bench.controls),
    ...skippedText(bench.skipped),
  ].join('\n');
}

function markdownTable(head: readonly string[], rows: readonly string[][], numbers: ReadonlySet<number>): string[] {
  const line = (row: readonly string[]): string => `| ${row.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map((_, c) => (numbers.has(c) ? '---:' : '---'))), ...rows.map(line)];
}

/** All runs of one kind of bug. */
function kindCells(plants: readonly PlantResult[]): string[] {
  const [first] = plants;
  const hits = (what: 'nodeHit' | 'causeHit' | 'causeWrong'): string => `${plants.filter((p) => p[what]).length}`;
  const explained = plants.flatMap((p) => (p.causeHit && p.explained !== null ? [p.explained] : []));
  const seconds = plants.map((p) => p.seconds).sort((a, b) => a - b);
  return [
    first && first.row > 0 ? String(first.row) : '–',
    first ? titleOf(first) : '',
    [...new Set(plants.map((p) => p.model))].join(', '),
    String(plants.length),
    hits('nodeHit'),
    hits('causeHit'),
    hits('causeWrong'),
    explained.length === 0 ? '' : Math.min(...explained).toFixed(4),
    (seconds[seconds.length >> 1] ?? 0).toFixed(1),
  ];
}

const titleOf = (p: PlantResult): string => (p.kind === 'kernel' ? `${p.title} (kernel)` : p.title);

/** What just ended, in one line. */
export function resultLine(result: PlantResult | ControlResult | Skipped): string {
  if ('planted' in result) {
    const what = `${result.name} in ${result.model} at ${result.planted}`;
    const node = result.nodeHit ? 'found' : `MISSED, found ${result.found}`;
    const cause = result.causeHit ? (result.cause ?? 'named') : causeMissed(result);
    const also = result.alsoBlamed.length > 0 ? `; ALSO BLAMED ${result.alsoBlamed.join(', ')}` : '';
    const blame = result.falseBlame ? '; FALSE BLAME' : '';
    return `${what} (${result.style}): ${node}; ${cause}${blame}${also}; ${result.seconds.toFixed(1)} s`;
  }
  if ('clean' in result) {
    const verdict = result.clean ? 'clean' : `BLAMED ${result.reason ?? result.blamed.join(', ')}`;
    return `${result.name} on ${result.model} (${result.note}): ${verdict}; ${result.seconds.toFixed(1)} s`;
  }
  return `${result.name}: skipped, ${result.reason}`;
}

function causeMissed({ causeWrong, cause }: PlantResult): string {
  return causeWrong ? `WRONG CAUSE ${cause ?? ''}` : 'unexplained';
}

function cells(p: PlantResult): string[] {
  return [
    p.row === 0 ? '–' : String(p.row),
    titleOf(p),
    p.model,
    [p.note, p.style].filter((text) => text !== '').join('; '),
    p.planted,
    p.effect === null ? '' : error(p.effect),
    p.nodeHit ? 'yes' : 'no',
    p.causeHit ? 'yes' : causeMissed(p),
    p.explained === null ? '' : p.explained.toFixed(3),
    p.seconds.toFixed(1),
  ];
}

function controlText(controls: readonly ControlResult[]): string {
  const names = [...new Set(controls.map((c) => `${c.group} ${c.name}`))].sort();
  const rows = names.map((name) => {
    const of = controls.filter((c) => `${c.group} ${c.name}` === name);
    const sum = (what: keyof NodeCounts): number => of.reduce((total, { counts }) => total + counts[what], 0);
    const blamed = sum('wrong') > 0 ? `, ${sum('wrong')} BLAMED` : '';
    return `${name}: ${of.filter((c) => c.clean).length} of ${of.length} clean; ${sum('right')} nodes right, ${sum('rounded')} rounded${blamed}`;
  });
  return ['Controls, all right:', '', ...rows.map((row) => `- ${row}`)].join('\n');
}

const PRECISION_NUMBERS: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6]);
const PRECISION_HEAD = ['engine computes in', 'bugs', 'node', 'cause', 'wrong cause', 'unexplained', 'effect said'];

/** What was found under each precision: a mistake lies on top of the engine's rounding. */
function precisionRows(plants: readonly PlantResult[]): string[][] {
  return PRECISIONS.flatMap((precision) => {
    const of = plants.filter((p) => p.precision === precision && p.kind === 'engine');
    if (of.length === 0) return [];
    const t = totalsOf(of, []);
    return [[precision, ...[t.plants, t.nodeHits, t.causeHits, t.causesWrong, t.unexplained, t.effects].map(String)]];
  });
}

function skippedText(skipped: readonly Skipped[]): string[] {
  if (skipped.length === 0) return [];
  return ['', 'Skipped:', ...skipped.map((s) => `- ${s.row === 0 ? '' : `row ${s.row}, `}${s.name}: ${s.reason}`)];
}

function totalText({ totals: t, seeds }: WizardBench): string {
  const rate = (hits: number): string => (t.plants === 0 ? 'none' : `${((100 * hits) / t.plants).toFixed(1)} %`);
  return [
    `Seed${seeds.length > 1 ? 's' : ''} ${seeds.join(', ')}: ${t.plants} plants, ${t.controls} controls, ${t.runs} runs, ${t.seconds.toFixed(0)} s in the wizard.`,
    `Hit at node ${rate(t.nodeHits)} (aim ${100 * AIMS.node} %), at cause ${rate(t.causeHits)} (aim ${100 * AIMS.cause} %), ` +
      `wrong cause named ${t.causesWrong} (aim ${AIMS.causesWrong}), false blame ${t.falseBlame} (aim ${AIMS.falseBlame}): ` +
      `${meetsAims(t) ? 'met' : 'NOT MET'}.`,
    `${t.unexplained} found and unexplained; the effect on the answer said for ${t.effects}; right nodes blamed beside ${t.alsoBlamed} bugs. ` +
      `Nodes judged: ${t.nodes.right} right, ${t.nodes.rounded} rounded, ${t.nodes.wrong} wrong.`,
  ].join('\n');
}
