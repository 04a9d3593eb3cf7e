/** A report as one HTML page that needs nothing else: style and plots inside, no script, dark where the reader's is. */
import { escapeHtml } from './escape-html';
import { heatPlot } from './heat-plot';
import { layerPlot } from './layer-plot';
import { nodePlot } from './node-plot';
import type { Block, Report, Section, Table } from './report-parts';
import { REPORT_STYLE } from './report-style';

export function htmlReport(report: Report): string {
  const title = escapeHtml(report.title);
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${title} · Quarrel</title>`,
    `<style>${REPORT_STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    `<h1><span class="state ${report.state}">${report.state}</span> ${title}</h1>`,
    ...report.sections.map(sectionHtml),
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function sectionHtml({ title, blocks }: Section): string {
  return ['<section>', `<h2>${escapeHtml(title)}</h2>`, ...blocks.map(blockHtml), '</section>'].join('\n');
}

function blockHtml(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return `<p>${escapeHtml(block.text)}</p>`;
    case 'list':
      return `<ol>${block.items.map((item) => `<li>${escapeHtml(item)}</li>`).join('')}</ol>`;
    case 'table':
      return tableHtml(block);
    case 'folded':
      return `<details><summary>${escapeHtml(block.summary)}</summary>${tableHtml(block.table)}</details>`;
    case 'node-plot':
      return figure('Local error of every node over its noise floor', nodePlot(block.profile));
    case 'layer-plot':
      return figure('The worst local error of each layer, in noise floors', layerPlot(block.profile));
    case 'heat-plot':
      return figure(
        `Where ${block.node} is wrong: rows downward, elements of a row across; faint: 1e-6 of the values’ size, full: as large as they are`,
        heatPlot(block.heat),
      );
  }
}

function figure(caption: string, svg: string): string {
  return `<figure>${svg}<figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

function tableHtml({ head, rows, right }: Table): string {
  const cell = (tag: 'td' | 'th', text: string, column: number): string =>
    `<${tag}${right.includes(column) ? ' class="right"' : ''}>${escapeHtml(text)}</${tag}>`;
  const titles = head.length > 0 ? `<thead><tr>${head.map((h, c) => cell('th', h, c)).join('')}</tr></thead>` : '';
  // without a head the first cell names its row
  const row = (cells: readonly string[]): string =>
    cells
      .map((text, c) =>
        head.length === 0 && c === 0 ? `<th scope="row">${escapeHtml(text)}</th>` : cell('td', text, c),
      )
      .join('');
  const body = rows.map((r) => `<tr>${row(r)}</tr>`).join('\n');
  return `<div class="wide"><table>${titles}<tbody>\n${body}\n</tbody></table></div>`;
}
