import { QuarrelError } from '../../shared/base/errors';
import { plainJson } from '../../shared/base/plain-json';
import type { JobControl } from '../../shared/base/progress';
import type { Verdict } from '../../shared/divergence/verdict';
import type { ExportVerdictRequest, FindFirstBadRequest } from '../../shared/ipc/jobs';
import { ReadFiles } from '../files/outputs';
import { inputFiles } from '../files/run-inputs';
import { writeAtomic } from '../files/write-atomic';
import type { TimedLane } from '../reports/lane-times';
import { perfettoTrace } from '../reports/perfetto';
import { reportOf } from '../reports/report';
import { copyFolder } from '../repro/repro-folder';
import { writeRepro } from '../repro/write-repro';
import { findFirstBad } from './find-first-bad';
import type { Engines } from './produce-trace';
import { RunFolder } from './run-folder';

interface Kept {
  readonly verdict: Verdict;
  /** Files that it is about: an export must not take the place of one. */
  readonly inputs: ReadFiles;
  readonly times: readonly TimedLane[];
  /** The repro, or why there is none. */
  readonly repro: { readonly folder: string } | { readonly reason: string };
}

/**
 * What the last wizard run of a window found, for as long as it may be exported: until the next run begins, or
 * `dispose`.
 */
export class KeptVerdict {
  private folder: RunFolder | undefined;
  private kept: Kept | undefined;

  async find(request: FindFirstBadRequest, engines: Engines, control: JobControl): Promise<Verdict> {
    this.dispose();
    const folder = new RunFolder();
    let times: readonly TimedLane[] = [];
    let repro: Kept['repro'] = { reason: 'no node is bad: there is no repro' };
    try {
      const verdict = await findFirstBad(
        {
          ...request,
          onTimes: (lanes) => (times = lanes),
          onBad: (first, found) => {
            // The verdict stands, whether or not its repro can be written.
            repro = attempt(() => {
              writeRepro(folder.file('repro'), first, found);
              return { folder: folder.file('repro') };
            });
          },
        },
        engines,
        control,
      );
      this.dispose(); // of a run that ended meanwhile
      this.folder = folder;
      const { modelPath, reference, candidate } = request;
      const inputs = new ReadFiles(inputFiles({ models: [modelPath], lanes: [reference, candidate] }));
      this.kept = { verdict, inputs, times, repro };
      return verdict;
    } catch (e) {
      folder.dispose();
      throw e;
    }
  }

  /** Throws QuarrelError where there is nothing of that kind, or it cannot be written. */
  exportAs({ kind, path }: ExportVerdictRequest): void {
    if (!this.kept) throw new QuarrelError('there is no verdict to export: find the first bad layer first');
    const { verdict, inputs, times, repro } = this.kept;
    inputs.requireNot(path);
    switch (kind) {
      case 'repro':
        if ('reason' in repro) throw new QuarrelError(repro.reason);
        return copyFolder(repro.folder, path);
      case 'perfetto':
        if (times.length === 0) throw new QuarrelError('no lane of this run kept its times');
        return writeAtomic(path, `${plainJson(perfettoTrace(times, verdict.model), 0)}\n`);
      default:
        return writeAtomic(path, reportOf(kind, verdict));
    }
  }

  dispose(): void {
    this.folder?.dispose();
    this.folder = undefined;
    this.kept = undefined;
  }
}

function attempt(write: () => Kept['repro']): Kept['repro'] {
  try {
    return write();
  } catch (e) {
    if (e instanceof QuarrelError) return { reason: e.message };
    throw e;
  }
}
