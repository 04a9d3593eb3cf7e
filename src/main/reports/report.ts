import path from 'node:path';
import { QuarrelError } from '../../shared/base/errors';
import { plainJson } from '../../shared/base/plain-json';
import { printableJson } from '../../shared/base/printable';
import type { Verdict } from '../../shared/divergence/verdict';
import { htmlReport } from './html';
import { markdownReport } from './markdown';
import { reportModel } from './report-model';

export type ReportKind = 'json' | 'markdown' | 'html';

const SUFFIXES: Readonly<Record<string, ReportKind>> = {
  '.json': 'json',
  '.md': 'markdown',
  '.html': 'html',
};

/** The kind that a file's name asks for. Throws QuarrelError for another suffix. */
export function reportKindOf(file: string): ReportKind {
  const kind = SUFFIXES[path.extname(file).toLowerCase()];
  if (kind) return kind;
  throw new QuarrelError(`${file}: the kind of a report is its suffix: ${Object.keys(SUFFIXES).join(', ')}`);
}

/** The whole file's text. */
export function reportOf(kind: ReportKind, verdict: Verdict): string {
  if (kind === 'json') return `${printableJson(plainJson(verdict))}\n`;
  const model = reportModel(verdict);
  return kind === 'html' ? htmlReport(model) : markdownReport(model);
}
