/** What a suite does beyond reading files: a suite comes from anywhere, and is code only where its user says so. */
import path from 'node:path';

import type { LaneCode } from '../../shared/divergence/lane-code';
import { codeOfLane } from '../../shared/divergence/lane-code';
import { liesIn } from '../files/outputs';
import { reproFolder } from './run-suite';
import type { SuiteCase } from './suite-cases';

/** What the cases need trust for, a line each, as "runs the program …"; none where they only read. */
export function trustNeeded(cases: readonly SuiteCase[], folder: string): readonly string[] {
  const code = cases.flatMap((c) => [c.reference, c.candidate.lane].flatMap(codeOfLane).map(inWords));
  const outside = cases.flatMap((c) => {
    const { repro } = c.candidate;
    return repro === undefined || liesIn(reproFolder(c, repro), folder)
      ? []
      : [`writes to ${path.resolve(repro)}, outside of its own folder`];
  });
  return [...new Set([...code, ...outside])];
}

function inWords(code: LaneCode): string {
  return code.kind === 'program' ? `runs the program ${code.words.join(' ')}` : `loads the libraries in ${code.folder}`;
}
