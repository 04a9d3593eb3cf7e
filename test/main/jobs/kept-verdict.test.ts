import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { JobService } from '../../../src/main/ipc/job-service';
import { KeptVerdict } from '../../../src/main/jobs/kept-verdict';
import { startNodeProgram } from '../../../src/main/processes/node-program';
import type { PerfettoDocument } from '../../../src/main/reports/perfetto';
import type { FindFirstBadRequest } from '../../../src/shared/ipc/jobs';
import { tinyModelPath } from '../../helpers/shared-files';
import { runFolders } from '../../helpers/temporary-folders';
import { control, dumpOf, NO_GPU, TOKENS } from '../repro/repro-fixture';

let root: string;
let wrong: FindFirstBadRequest;
beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'kept-test-'));
  const candidate = await dumpOf(root, (key, values) =>
    key === 'ffn_norm-2' ? values.map((v, i) => (i === 3 ? NaN : v)) : values,
  );
  wrong = request(candidate);
}, 30_000);
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

function request(candidate: string): FindFirstBadRequest {
  return { modelPath: tinyModelPath(), prompt: { kind: 'tokens', tokens: TOKENS }, reference: 'llama', candidate };
}

/** Temporary folders of this process that hold a repro. */
function kept(): string[] {
  return runFolders().filter((folder) => fs.existsSync(path.join(folder, 'repro')));
}

describe('what the last wizard run found', () => {
  const verdicts = new KeptVerdict();
  afterEach(() => verdicts.dispose());

  it('is exported in every form, and forgotten with the next run', async () => {
    const out = (name: string): string => path.join(root, name);
    expect(() => verdicts.exportAs({ kind: 'json', path: out('x.json') })).toThrow(/no verdict to export/);
    const verdict = await verdicts.find(wrong, NO_GPU, control());
    expect(verdict.firstBad?.node).toBe('ffn_norm-2');
    expect(kept()).toHaveLength(1);

    verdicts.exportAs({ kind: 'repro', path: out('repro') });
    expect(fs.readdirSync(out('repro')).sort()).toEqual([
      'README.md',
      'repro.json',
      'tensors.safetensors',
      'weights.gguf',
    ]);
    expect(() => verdicts.exportAs({ kind: 'repro', path: out('repro') })).toThrow(/a new folder is expected/);
    for (const [kind, begin] of [
      ['json', '{'],
      ['markdown', '# ffn_norm-2 is wrong'],
      ['html', '<!doctype html>'],
    ] as const) {
      verdicts.exportAs({ kind, path: out(kind) });
      expect(fs.readFileSync(out(kind), 'utf8').startsWith(begin)).toBe(true);
    }
    verdicts.exportAs({ kind: 'perfetto', path: out('times.json') });
    const times = JSON.parse(fs.readFileSync(out('times.json'), 'utf8')) as PerfettoDocument;
    expect(times.traceEvents.filter((e) => e.name === 'thread_name').map((e) => e.args?.['name'])).toEqual(['llama']);
    expect(times.traceEvents.some((e) => e.ph === 'X' && e.name === 'ffn_norm-2')).toBe(true);

    await verdicts.find(request('reference'), NO_GPU, control());
    expect(kept()).toEqual([]);
    expect(() => verdicts.exportAs({ kind: 'repro', path: out('other') })).toThrow(/no node is bad/);
    verdicts.exportAs({ kind: 'perfetto', path: out('times.json') });
    const both = JSON.parse(fs.readFileSync(out('times.json'), 'utf8')) as PerfettoDocument;
    expect(both.traceEvents.filter((e) => e.name === 'thread_name').map((e) => e.args?.['name'])).toEqual([
      'llama',
      'reference',
    ]);
  }, 60_000);
});

describe('the job worker', () => {
  it('keeps it until the app quits', async () => {
    const temporary = path.join(root, 'tmp');
    fs.mkdirSync(temporary);
    const kept = (): string[] =>
      (fs.readdirSync(temporary, { recursive: true }) as string[]).filter((name) => path.basename(name) === 'repro');
    const env = { ...process.env, TMPDIR: temporary, TEMP: temporary };
    const jobs = new JobService((listener) => startNodeProgram('job-worker', env, listener), {
      receive: () => undefined,
      workerGone: () => Promise.resolve(),
    });
    await jobs.start('findFirstBad', wrong, () => undefined).answer;
    expect(kept()).toHaveLength(1);
    const out = path.join(root, 'by-worker');
    await jobs.start('exportVerdict', { kind: 'repro', path: out }, () => undefined).answer;
    expect(fs.existsSync(path.join(out, 'repro.json'))).toBe(true);
    await jobs.dispose();
    expect(kept()).toEqual([]);
  }, 60_000);
});
