import type { TokenLogit } from '../../../shared/compare/comparison';
import type { GalleryBug } from '../../../shared/gallery/gallery';
import type { DemoReport, LaneSaid } from '../../jobs/demo';
import type { LayerEnd } from '../../jobs/layer-ends';
import { error, number, table } from './table';
import { verdictText } from './verdict-text';

/** The bugs of the gallery. */
export function galleryText(bugs: readonly GalleryBug[]): string {
  return table(
    ['bug', 'part', 'what is wrong'],
    bugs.map(({ id, part, title }) => [id, part, title]),
  );
}

/** The demo as a newcomer reads it in a terminal. */
export function demoText(r: DemoReport, seconds: number): string {
  return [
    `1  Right. The embedded model, asked ${JSON.stringify(r.prompt)}`,
    '',
    indented(saysTable(r.right)),
    '',
    `2  A bug is planted in our kernels: ${r.bug.id}`,
    '',
    `   ${r.bug.title}`,
    `   ${r.bug.story}`,
    '',
    indented(saysTable(r.planted)),
    ...whatThatSays(r),
    '',
    `3  Each layer's end against llama.cpp${r.bug.steps > 0 ? `, in decode step ${r.bug.steps}` : ''}`,
    '',
    indented(layerTable(r.layers)),
    '',
    '   Each layer hands its error on to the next: this shows that the planted kernels are wrong, not where.',
    '',
    "4  The wizard judges each node on right inputs, against the node's own noise floor",
    '',
    verdictText(r.verdict),
    '',
    '5  Take it from here (in a checkout, quarrel stands for: npm run -s quarrel --)',
    '',
    indented(commands(r)),
    '',
    ending(r, seconds),
  ].join('\n');
}

function saysTable(lanes: readonly LaneSaid[]): string {
  const steps = Math.max(...lanes.map(({ says }) => says.length));
  const later = Array.from({ length: steps - 1 }, () => 'then');
  return table(
    ['lane', 'weights', 'says next', ...later],
    lanes.map(({ lane, model, says }) => [lane, model, ...says.map(choice)]),
  );
}

/** What the answers alone tell of the planted bug. */
function whatThatSays({ right, planted }: DemoReport): string[] {
  const words = (lane: LaneSaid | undefined): string => (lane?.says ?? []).map(({ token }) => token).join();
  const [quantized, f16] = planted.map((lane) => words(lane) === words(right[0]));
  if (quantized) return ['', '   The answer is still right; the numbers are not.'];
  return f16 ? ['', '   The F16 file is still right with these kernels: quantized weights are read wrongly.'] : [];
}

function choice({ token, text, logit }: TokenLogit): string {
  return `${text === undefined ? `#${token}` : JSON.stringify(text)} ${logit.toFixed(3)}`;
}

function layerTable(ends: readonly LayerEnd[]): string {
  const rows = ends.map(({ layer, node, right, planted }) => [
    layer === null ? '' : String(layer),
    node,
    right ? error(right.nmse) : '–',
    planted ? error(planted.nmse) : '–',
    planted ? number(planted.cosine) : '–',
    planted ? error(planted.maxAbs) : '–',
  ]);
  const head = ['layer', 'node', 'NMSE, right', 'NMSE, planted', 'cosine', 'max abs'];
  return table(head, rows, new Set([0, 2, 3, 4, 5]));
}

function commands({ bug, files: { traces, report, repro } }: DemoReport): string {
  const replays =
    repro === null
      ? []
      : [
          ['the wrong node again', `quarrel replay ${quoted(repro)}`],
          ['the same, with right kernels', `quarrel replay ${quoted(repro)} --candidate webgpu`],
        ];
  const rows = [
    ['the report', report],
    ...replays,
    ['node by node', `quarrel compare ${quoted(traces.llama)} ${quoted(traces.planted)}`],
    ['other bugs', `quarrel demo --list; this was --bug ${bug.id}`],
  ];
  const width = Math.max(...rows.map(([what = '']) => what.length));
  return rows.map(([what = '', how = '']) => `${what.padEnd(width)}  ${how}`).join('\n');
}

/** As one word of a shell. */
function quoted(file: string): string {
  return /^[\w./\\:@-]+$/.test(file) ? file : `"${file}"`;
}

function ending({ found, bug: { expected }, verdict }: DemoReport, seconds: number): string {
  const planted = place(expected.node, expected.step, expected.cause);
  const time = `in ${seconds.toFixed(1)} s`;
  if (found) return `FOUND  ${planted}: what was planted, ${time}`;
  const { firstBad, cause } = verdict;
  const instead = firstBad
    ? place(firstBad.node, firstBad.step, cause?.id ?? 'unexplained')
    : `the verdict is ${verdict.verdict}`;
  return `NOT FOUND  planted: ${planted}; found: ${instead}, ${time}`;
}

function place(node: string, step: number, cause: string): string {
  return `${node}${step === 0 ? '' : ` of decode step ${step}`}, ${cause}`;
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `   ${line}`.trimEnd())
    .join('\n');
}
