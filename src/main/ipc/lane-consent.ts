import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { QuarrelError } from '../../shared/base/errors';
import { printable } from '../../shared/base/printable';
import type { LaneCode } from '../../shared/divergence/lane-code';
import { codeOfLane } from '../../shared/divergence/lane-code';
import type { JobCall } from '../../shared/ipc/contract';

export interface Question {
  readonly message: string;
  readonly detail: string;
  /** What the button that allows it says. */
  readonly yes: string;
}

/**
 * What the user has let lanes run. Main asks, not the page: one that was taken over would answer for the user. An answer
 * holds for this very program line or folder until the app ends.
 */
export class LaneConsent {
  private readonly allowed = new Set<string>();

  /** @param ask shows a native dialog */
  constructor(private readonly ask: (question: Question) => Promise<boolean>) {}

  /** A folder that the user chose in a dialog. */
  picked(folder: string): void {
    this.allowed.add(keyOf({ kind: 'library', folder }));
  }

  /** Asks for what the lanes of a job run and nobody allowed yet. Throws QuarrelError where the user says no. */
  async require(call: JobCall): Promise<void> {
    for (const code of lanesOf(call).flatMap(codeIn)) {
      const key = keyOf(code);
      if (this.allowed.has(key)) continue;
      if (!(await this.ask(questionOf(code)))) throw new QuarrelError(refusalOf(code));
      this.allowed.add(key);
    }
  }
}

function lanesOf(call: JobCall): readonly string[] {
  if (call.name === 'runLanes') return call.request.lanes;
  if (call.name === 'findFirstBad') return [call.request.reference, call.request.candidate];
  return [];
}

/** The job refuses what is no lane, with the words of that. */
function codeIn(lane: string): readonly LaneCode[] {
  try {
    return codeOfLane(lane);
  } catch (e) {
    if (e instanceof QuarrelError) return [];
    throw e;
  }
}

/** A folder is known by where it really is. */
function keyOf(code: LaneCode): string {
  if (code.kind === 'program') return JSON.stringify(code.words);
  try {
    return realpathSync(code.folder);
  } catch {
    return resolve(code.folder); // there is none: nothing will be loaded from it
  }
}

function questionOf(code: LaneCode): Question {
  if (code.kind === 'program') {
    return {
      message: 'Start this program?',
      detail: `${lineOf(code.words)}\n\nA lane of this run starts it with all your rights, once for each graph. {model}, {tokens} and {out} are filled in.`,
      yes: 'Start it',
    };
  }
  return {
    message: 'Load llama.cpp from this folder?',
    detail: `${printable(code.folder)}\n\nIts libraries run with all your rights. You did not choose this folder in a dialog.`,
    yes: 'Load it',
  };
}

function refusalOf(code: LaneCode): string {
  return code.kind === 'program'
    ? `not run: ${lineOf(code.words)} may not be started`
    : `not run: llama.cpp may not be loaded from ${code.folder}`;
}

/** Words apart as a shell shows them. */
function lineOf(words: readonly string[]): string {
  return words.map((word) => printable(/^[\w@%+=:,./{}-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}
