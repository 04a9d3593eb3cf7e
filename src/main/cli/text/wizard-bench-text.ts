import type { ControlResult, PlantResult, Skipped, WizardBench } from '../../bench/wizard/score';
import { AIMS, meetsAims } from '../../bench/wizard/score';
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
    controlText(bench.controls),
    ...blamed.map((c) => `  blamed: ${c.name} on ${c.model} (${c.note}): ${c.blamed.join(', ')}`),
    ...skippedText(bench.skipped),
    '',
    totalText(bench),
  ].join('\n');
}

const KINDS = ['row', 'bug', 'planted in', 'runs', 'node', 'cause', 'least explained', 's'];
const KIND_NUMBERS: ReadonlySet<number> = new Set([0, 3, 4, 5, 6, 7]);

/** The tables of docs/benchmarks.md: each kind of bug, what was missed, the controls. */
export function wizardBenchMarkdown(bench: WizardBench): string {
  const names = [...new Set(bench.plants.map((p) => p.name))];
  const kinds = names.map((name) => kindCells(bench.plants.filter((p) => p.name === name)));
  const missed = bench.plants.filter((p) => !p.nodeHit || !p.causeHit);
  return [
    totalText(bench),
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
  const hits = (what: 'nodeHit' | 'causeHit'): string => `${plants.filter((p) => p[what]).length}`;
  const explained = plants.flatMap((p) => (p.causeHit && p.explained !== null ? [p.explained] : []));
  const seconds = plants.map((p) => p.seconds).sort((a, b) => a - b);
  return [
    first && first.row > 0 ? String(first.row) : '–',
    first ? titleOf(first) : '',
    [...new Set(plants.map((p) => p.model))].join(', '),
    String(plants.length),
    hits('nodeHit'),
    hits('causeHit'),
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
    const cause = result.causeHit ? (result.cause ?? 'named') : `cause ${result.cause ?? 'unexplained'} (WRONG)`;
    return `${what}: ${node}; ${cause}${result.falseBlame ? '; FALSE BLAME' : ''}; ${result.seconds.toFixed(1)} s`;
  }
  if ('clean' in result) {
    const verdict = result.clean ? 'clean' : `BLAMED ${result.blamed.join(', ')}`;
    return `${result.name} on ${result.model}: ${verdict}; ${result.seconds.toFixed(1)} s`;
  }
  return `${result.name}: skipped, ${result.reason}`;
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
    p.causeHit ? 'yes' : `no: ${p.cause ?? 'unexplained'}`,
    p.explained === null ? '' : p.explained.toFixed(3),
    p.seconds.toFixed(1),
  ];
}

function controlText(controls: readonly ControlResult[]): string {
  const names = [...new Set(controls.map((c) => c.name))];
  const rows = names.map((name) => {
    const of = controls.filter((c) => c.name === name);
    const nodes = of.reduce((sum, c) => sum + c.compared, 0);
    return `${name}: ${of.filter((c) => c.clean).length} of ${of.length} clean, ${nodes} nodes judged`;
  });
  return ['Controls, all right:', ...rows.map((row) => `- ${row}`)].join('\n');
}

function skippedText(skipped: readonly Skipped[]): string[] {
  if (skipped.length === 0) return [];
  return ['', 'Skipped:', ...skipped.map((s) => `- ${s.row === 0 ? '' : `row ${s.row}, `}${s.name}: ${s.reason}`)];
}

function totalText({ totals: t, seed }: WizardBench): string {
  const rate = (hits: number): string => (t.plants === 0 ? 'none' : `${((100 * hits) / t.plants).toFixed(1)} %`);
  return [
    `Seed ${seed}: ${t.plants} plants, ${t.controls} controls, ${t.runs} runs, ${t.seconds.toFixed(0)} s in the wizard.`,
    `Hit at node ${rate(t.nodeHits)} (aim ${100 * AIMS.node} %), at cause ${rate(t.causeHits)} (aim ${100 * AIMS.cause} %), ` +
      `false blame ${t.falseBlame} (aim ${AIMS.falseBlame}): ${meetsAims(t) ? 'met' : 'NOT MET'}.`,
  ].join('\n');
}
