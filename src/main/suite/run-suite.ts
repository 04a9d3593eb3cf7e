import path from 'node:path';

import { QuarrelError } from '../../shared/base/errors';
import { asPart } from '../../shared/base/control';
import type { JobControl } from '../../shared/base/progress';
import { parseLane } from '../../shared/divergence/lane-spec';
import type { Verdict } from '../../shared/divergence/verdict';
import { findFirstBad } from '../jobs/find-first-bad';
import type { Engines } from '../jobs/produce-trace';
import { readNameMap } from '../jobs/produce-trace';
import { stepPlan } from '../jobs/step-plan';
import type { FirstBad } from '../repro/first-bad';
import { isRepro } from '../repro/is-repro';
import { writeRepro } from '../repro/write-repro';
import { TraceFile } from '../traces/trace-file';
import type { SuiteCase } from './suite-cases';
import type { SuiteReport, SuiteResult } from './suite-report';
import { failureOf, resultOf, suiteReport } from './suite-report';

export interface SuiteRun {
  readonly name: string;
  readonly file: string;
  readonly cases: readonly SuiteCase[];
  /** As soon as a case is done; with its verdict, where there is one. */
  readonly onResult: (result: SuiteResult, of: SuiteCase, verdict: Verdict | undefined) => void;
  /** Does a write that may fail without taking its case's verdict with it. */
  readonly onWrite: (write: () => void) => void;
}

/** Runs the cases one after the other. A case that cannot be compared is its own failure; a bug of ours is not. */
export async function runSuite(run: SuiteRun, engines: Engines, control: JobControl): Promise<SuiteReport> {
  const results: SuiteResult[] = [];
  const { length } = run.cases;
  for (const [i, c] of run.cases.entries()) {
    control.throwIfCancelled();
    const begin = performance.now();
    const seconds = (): number => (performance.now() - begin) / 1000;
    let verdict: Verdict | undefined;
    let result: SuiteResult;
    try {
      verdict = await judge(c, run.onWrite, engines, asPart(control, `case ${i + 1} of ${length}, ${c.name}`));
      result = resultOf(c, verdict, seconds());
    } catch (e) {
      if (!(e instanceof QuarrelError)) throw e;
      // A Ctrl-C reaches our children, too.
      control.throwIfCancelled();
      result = failureOf(c, e.message, seconds());
    }
    results.push(result);
    run.onResult(result, c, verdict);
  }
  control.throwIfCancelled();
  return suiteReport(run.name, run.file, results, 0);
}

function judge(c: SuiteCase, onWrite: SuiteRun['onWrite'], engines: Engines, control: JobControl): Promise<Verdict> {
  const { candidate, prompt, expect, threads, modelPath, reference, strict } = c;
  const dump = tokensOfDump(candidate.lane);
  const plan = stepPlan(prompt.steps, prompt.stepTokens ?? dump?.steps);
  const own = prompt.prompt ?? (dump && { kind: 'tokens' as const, tokens: dump.tokens });
  if (!own || (own.kind === 'tokens' && own.tokens.length === 0)) {
    throw new QuarrelError(`${candidate.lane} does not say its tokens: the suite gives them as a prompt`);
  }
  const request = {
    modelPath,
    prompt: own,
    reference,
    candidate: candidate.lane,
    steps: plan.count,
    ...(plan.tokens ? { stepTokens: plan.tokens } : {}),
    ...(expect.token === undefined ? {} : { expect: expect.token }),
    ...(expect.minLogit === undefined ? {} : { minLogit: expect.minLogit }),
    ...(threads === undefined ? {} : { threads }),
    ...(strict ? { strict } : {}),
    ...(candidate.map === undefined ? {} : { map: readNameMap(candidate.map) }),
    ...(candidate.repro === undefined ? {} : { onBad: reproWriter(reproFolder(c, candidate.repro), onWrite) }),
  };
  return findFirstBad(request, engines, control);
}

/** A dump says which tokens it was made from, and those of its decode steps. */
function tokensOfDump(
  lane: string,
): { readonly tokens: readonly number[]; readonly steps: readonly number[] | undefined } | undefined {
  const spec = parseLane(lane);
  if (spec.kind !== 'trace') return undefined;
  const file = TraceFile.open(spec.path);
  file.dispose();
  const steps = file.stepTokens.flat();
  return { tokens: file.tokens, steps: steps.length > 0 ? steps : undefined };
}

/** One folder per case. */
export function reproFolder({ fileName }: SuiteCase, folder: string): string {
  return path.join(folder, fileName);
}

/** The repro of an earlier run is replaced. */
function reproWriter(folder: string, onWrite: SuiteRun['onWrite']): (first: FirstBad, verdict: Verdict) => void {
  return (first, verdict) => onWrite(() => writeRepro(folder, first, verdict, isRepro));
}
