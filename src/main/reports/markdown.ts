/** A report as Markdown (GitHub's tables): for an issue or a pull request. Plots become tables of what they show. */
import { error } from '../cli/text/table';
import type { HeatMap } from '../../shared/divergence/cause';
import type { ProfileEntry } from '../../shared/divergence/verdict';
import { errorByLayer } from './error-by-layer';
import { escapeMarkdown } from './escape-markdown';
import type { Block, Report, Table } from './report-parts';
import { tableOf } from './report-parts';

/** Cells of the heat map that are listed. */
const HOTTEST = 8;

export function markdownReport({ title, sections }: Report): string {
  return [
    `# ${escapeMarkdown(title)}`,
    ...sections.flatMap((s) => [`## ${escapeMarkdown(s.title)}`, ...s.blocks.map(blockText).filter((t) => t !== '')]),
    '',
  ].join('\n\n');
}

function blockText(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return escapeMarkdown(block.text);
    case 'list':
      return block.items.map((item, i) => `${i + 1}. ${escapeMarkdown(item)}`).join('\n');
    case 'table':
      return tableText(block);
    case 'layer-plot':
      return tableText(layerTable(block.profile));
    case 'heat-plot':
      return tableText(hottest(block.heat));
    case 'node-plot':
    case 'folded':
      return ''; // hundreds of nodes: the bad ones and the layers are listed
  }
}

function tableText({ head, rows, right }: Table): string {
  const columns = Math.max(head.length, ...rows.map((r) => r.length));
  const titles = Array.from({ length: columns }, (_, c) => head[c] ?? '');
  const line = (cells: readonly string[]): string =>
    `| ${titles.map((_, c) => escapeMarkdown(cells[c] ?? '')).join(' | ')} |`;
  const rule = `|${titles.map((_, c) => (right.includes(c) ? '---:' : '---')).join('|')}|`;
  return [line(titles), rule, ...rows.map(line)].join('\n');
}

function layerTable(profile: readonly ProfileEntry[]): Table {
  const rows = errorByLayer(profile).map((l) => [
    String(l.layer),
    l.ratio === null ? 'infinite' : l.ratio.toPrecision(2),
    l.node,
    l.inherited === null ? '' : error(l.inherited),
    l.bad ? 'bad' : l.rounded ? 'rounded' : '',
  ]);
  return tableOf(['layer', 'worst local error, in noise floors', 'at', 'inherited NMSE', ''], rows, [0, 1, 3]);
}

function hottest({ columns, elementsPerColumn, rowsPerRow, values }: HeatMap): Table {
  const rows = values
    .map((value, cell) => ({ value: value ?? 0, cell }))
    .filter(({ value }) => value > 0)
    .sort((a, b) => b.value - a.value)
    .slice(0, HOTTEST)
    .map(({ value, cell }) => {
      const column = (cell % columns) * elementsPerColumn;
      const row = Math.floor(cell / columns) * rowsPerRow;
      return [
        range(row, rowsPerRow),
        range(column, elementsPerColumn),
        value >= 1e300 ? 'infinite' : value.toPrecision(2),
      ];
    });
  return tableOf(['rows', 'elements', 'error over the values’ size'], rows, [2]);
}

function range(from: number, count: number): string {
  return count === 1 ? String(from) : `${from}–${from + count - 1}`;
}
