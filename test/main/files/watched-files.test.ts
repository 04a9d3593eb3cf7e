import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeEach, describe, expect, it } from 'vitest';

import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import { onUnchanged, WatchedFiles } from '../../../src/main/files/watched-files';
import { Control } from '../../../src/shared/base/control';
import { CancelledError } from '../../../src/shared/base/errors';
import { tinyModelPath } from '../../helpers/shared-files';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'watched-'));
const file = path.join(folder, 'model.gguf');
afterAll(() => fs.rmSync(folder, { recursive: true }));
beforeEach(() => fs.copyFileSync(tinyModelPath(), file));

function overwrite(): void {
  const fd = fs.openSync(file, 'r+');
  const { size } = fs.fstatSync(fd);
  fs.writeSync(fd, new Uint8Array(size / 2).fill(77), 0, size / 2, size / 4);
  fs.closeSync(fd);
}

describe('a file that is read', () => {
  it.each<[string, () => void, RegExp]>([
    ['written to at equal size', overwrite, /model\.gguf changed during the run: it was written to/],
    ['cut', () => fs.truncateSync(file, 100), /it had \d+ bytes and has 100/],
    ['removed', () => fs.rmSync(file), /it is gone/],
    [
      'replaced by a copy',
      () => {
        fs.copyFileSync(file, `${file}.new`);
        fs.renameSync(`${file}.new`, file);
      },
      /another file has taken its place/,
    ],
  ])('is known to have been %s', (_how, change, message) => {
    const watched = new WatchedFiles([file]);
    expect(watched.changed()).toBeUndefined();
    change();
    expect(watched.changed()).toMatch(message);
  });

  it('explains what the work on it failed with, but not that it was cancelled', async () => {
    const failing = (e: Error) => () => {
      overwrite();
      return Promise.reject(e);
    };
    await expect(onUnchanged([file], failing(new Error('odd')))).rejects.toThrow(/changed during the run/);
    await expect(onUnchanged([file], failing(new CancelledError()))).rejects.toThrow(CancelledError);
  });

  it.each(['judge', 'reference'])('makes a run incomparable, never diverged, where it changes at %s', async (stage) => {
    let done = false;
    const control = new Control((p) => {
      if (!done && p.stage.includes(stage)) overwrite();
      done ||= p.stage.includes(stage);
    });
    const prompt = { kind: 'tokens', tokens: [1, 7, 300] } as const;
    const request = { modelPath: file, prompt, reference: 'llama', candidate: 'reference' };
    const verdict = await findFirstBad(request, { webgpuLane: () => Promise.reject(new Error('no GPU')) }, control);
    expect(done).toBe(true);
    expect(verdict).toMatchObject({ verdict: 'incomparable', firstBad: null, allBad: [], cause: null });
    expect(verdict.reason).toMatch(/model\.gguf changed during the run: it was written to/);
  });
});
