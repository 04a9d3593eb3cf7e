import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { QuarrelError } from '../../shared/base/errors';
import { printable } from '../../shared/base/printable';
import { parseLane } from '../../shared/divergence/lane-spec';
import type { JobCall } from '../../shared/ipc/contract';

/** What a lane does with all rights of the user. Kernels (`webgpu@DIR`) are no such thing: WGSL reaches its buffers only. */
type Deed =
  | { readonly kind: 'program'; readonly words: readonly string[] }
  | { readonly kind: 'library'; readonly folder: string };

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
    for (const deed of lanesOf(call).flatMap(deedsOf)) {
      const key = keyOf(deed);
      if (this.allowed.has(key)) continue;
      if (!(await this.ask(questionOf(deed)))) throw new QuarrelError(refusalOf(deed));
      this.allowed.add(key);
    }
  }
}

function lanesOf(call: JobCall): readonly string[] {
  if (call.name === 'runLanes') return call.request.lanes;
  if (call.name === 'findFirstBad') return [call.request.reference, call.request.candidate];
  return [];
}

function deedsOf(lane: string): readonly Deed[] {
  try {
    const spec = parseLane(lane);
    if (spec.kind === 'cmd') return [{ kind: 'program', words: spec.command.words }];
    if (spec.kind === 'llama' && spec.directory !== undefined) return [{ kind: 'library', folder: spec.directory }];
    if (spec.kind === 'place') return spec.rules.flatMap((rule) => deedsOf(rule.lane));
    return [];
  } catch (e) {
    // The job refuses it with the same words.
    if (e instanceof QuarrelError) return [];
    throw e;
  }
}

/** A folder is known by where it really is. */
function keyOf(deed: Deed): string {
  if (deed.kind === 'program') return JSON.stringify(deed.words);
  try {
    return realpathSync(deed.folder);
  } catch {
    return resolve(deed.folder); // there is none: nothing will be loaded from it
  }
}

function questionOf(deed: Deed): Question {
  if (deed.kind === 'program') {
    return {
      message: 'Start this program?',
      detail: `${lineOf(deed.words)}\n\nA lane of this run starts it with all your rights, once for each graph. {model}, {tokens} and {out} are filled in.`,
      yes: 'Start it',
    };
  }
  return {
    message: 'Load llama.cpp from this folder?',
    detail: `${printable(deed.folder)}\n\nIts libraries run with all your rights. You did not choose this folder in a dialog.`,
    yes: 'Load it',
  };
}

function refusalOf(deed: Deed): string {
  return deed.kind === 'program'
    ? `not run: ${lineOf(deed.words)} may not be started`
    : `not run: llama.cpp may not be loaded from ${deed.folder}`;
}

/** Words apart as a shell shows them. */
function lineOf(words: readonly string[]): string {
  return words.map((word) => printable(/^[\w@%+=:,./{}-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}
