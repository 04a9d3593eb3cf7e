import { printable } from '../../shared/base/printable';

/** Text as it may stand in a line or a table of Markdown. An underscore inside a word is no markup. */
export function escapeMarkdown(text: string): string {
  return printable(text.replace(/\s*\n\s*/g, ' '))
    .replace(/[\\`*[\]~|]|^#/g, '\\$&')
    .replace(/(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])/g, (run) => run.replace(/_/g, '\\_'))
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;');
}

/** Text as code in a line: in more backticks than it holds in a row. */
export function markdownCode(text: string): string {
  const shown = printable(text);
  const fence = '`'.repeat(longestRun(shown) + 1);
  // A blank keeps a backtick at an end apart from the fence, and is not shown.
  const pad = /^`|`$/.test(shown) ? ' ' : '';
  return `${fence}${pad}${shown}${pad}${fence}`;
}

/** Text as code in a table, where GitHub takes even a bar in code for the end of a cell. */
export function markdownCodeCell(text: string): string {
  return markdownCode(text).replace(/\|/g, '\\|');
}

/** Lines of code, which end only where they end. */
export function markdownBlock(language: string, lines: readonly string[]): string[] {
  const fence = '`'.repeat(Math.max(3, longestRun(lines.join('\n')) + 1));
  return [`${fence}${language}`, ...lines, fence];
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}
