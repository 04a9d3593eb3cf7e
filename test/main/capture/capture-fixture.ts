import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { Control } from '../../../src/shared/base/control';
import type { Progress } from '../../../src/shared/base/progress';
import { projectRoot } from '../../../src/main/entry-path';

export const TINY_MODEL = path.join(projectRoot(), 'test', 'fixtures', 'quarrel-tiny.gguf');
export const PROMPT = 'The capital of France is';

export function silent(): Control {
  return new Control(() => undefined);
}

/** A control that calls back at the first progress report. */
export function atFirstProgress(act: (control: Control, p: Progress) => void): Control {
  let called = false;
  const control: Control = new Control((p) => {
    if (called) return;
    called = true;
    act(control, p);
  });
  return control;
}

export function temporaryFolder(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'quarrel-capture-'));
}

/** The error that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { detail?: string }> {
  return promise.then(
    () => Promise.reject(new Error('resolved, an error was expected')),
    (e: unknown) => e as Error,
  );
}
