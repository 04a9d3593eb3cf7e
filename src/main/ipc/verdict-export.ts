import { basename } from 'node:path';
import type { SaveDialogOptions } from 'electron';
import { QuarrelError } from '../../shared/base/errors';
import type { Verdict } from '../../shared/divergence/verdict';
import type { JobRequest, VerdictExport } from '../../shared/ipc/jobs';
import type { JobService } from './job-service';

interface ExportForm {
  readonly title: string;
  /** Follows the model's name in the proposed file name. */
  readonly suffix: string;
  readonly filter: { readonly name: string; readonly extensions: string[] };
}

const FORMS: Readonly<Record<VerdictExport, ExportForm>> = {
  repro: {
    title: 'Export the repro: a new folder',
    suffix: '.repro',
    filter: { name: 'New folder', extensions: ['*'] },
  },
  json: { title: 'Export the verdict', suffix: '.verdict.json', filter: { name: 'JSON', extensions: ['json'] } },
  markdown: { title: 'Export the report', suffix: '.report.md', filter: { name: 'Markdown', extensions: ['md'] } },
  html: { title: 'Export the report', suffix: '.report.html', filter: { name: 'HTML', extensions: ['html'] } },
  perfetto: {
    title: 'Export the times of the lanes',
    suffix: '.perfetto.json',
    filter: { name: 'Chrome trace', extensions: ['json'] },
  },
};

/**
 * Asks for a path and has the worker, which keeps what it found, write there. Null when the user closes the dialog.
 * @param verdict of the last search, as far as main must know it
 * @throws QuarrelError where there is nothing to export
 */
export async function exportVerdict(
  kind: VerdictExport,
  verdict: Pick<Verdict, 'model' | 'firstBad'> | undefined,
  pickSavePath: (options: SaveDialogOptions) => Promise<string | null>,
  jobs: JobService,
): Promise<string | null> {
  if (!verdict) throw new QuarrelError('there is no verdict to export: find the first bad layer first');
  if (kind === 'repro' && verdict.firstBad === null) throw new QuarrelError('no node is bad: there is no repro');
  const path = await pickSavePath(dialogOf(kind, verdict.model));
  if (path === null) return null;
  const request: JobRequest<'exportVerdict'> = { kind, path };
  await jobs.start('exportVerdict', request, () => undefined).answer;
  return path;
}

function dialogOf(kind: VerdictExport, modelPath: string): SaveDialogOptions {
  const { title, suffix, filter } = FORMS[kind];
  const model = basename(modelPath).replace(/\.gguf$/i, '');
  return { title, defaultPath: `${model}${suffix}`, filters: [filter] };
}
