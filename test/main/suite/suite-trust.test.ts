import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { projectRoot } from '../../../src/main/entry-path';
import { casesOf } from '../../../src/main/suite/suite-cases';
import { parseSuite } from '../../../src/main/suite/suite-file';
import { trustNeeded } from '../../../src/main/suite/suite-trust';
import { runCli } from '../../helpers/run-cli';
import { tinyModelPath } from '../../helpers/shared-files';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'suite-trust-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** What `quarrel suite` shows on a terminal that answers so; undefined where no terminal can be made. */
function onTerminal(args: readonly string[], answer: string): string | undefined {
  const cli = path.join(projectRoot(), 'out', 'main', 'cli.cjs');
  const line = [process.execPath, cli, 'suite', ...args].map((word) => `'${word}'`).join(' ');
  // util-linux's; that of other systems takes its command otherwise.
  const { stdout, error } = spawnSync('script', ['-qec', line, '/dev/null'], {
    input: `${answer}\n`,
    encoding: 'utf8',
  });
  return error || process.platform !== 'linux' ? undefined : stdout;
}

function suiteOf(candidates: unknown, more: object): string {
  return JSON.stringify({ schema: 'quarrel.suite/1', models: 'a.gguf', prompts: 'Hi', candidates, ...more });
}

describe('a suite that asks for more than to read', () => {
  const needs = (candidates: unknown, more: object = {}): readonly string[] =>
    trustNeeded(casesOf(parseSuite(suiteOf(candidates, more), path.join(folder, 's.json'))), folder);

  it('has it listed, each thing once', () => {
    expect(needs(['webgpu@mine', 'trace:/etc/passwd', 'reference', 'llama:vulkan'])).toEqual([]);
    expect(needs(['cmd:sh -c "id > x" {out}', 'cmd:sh -c "id > x" {out}'])).toEqual([
      'runs the program sh -c id > x {out}',
    ]);
    expect(needs('webgpu', { reference: 'llama@lib' })).toEqual([`loads the libraries in ${path.join(folder, 'lib')}`]);
  });

  it('may write below its own folder only', () => {
    const lane = 'webgpu';
    fs.mkdirSync(path.join(folder, 'real', 'deep'), { recursive: true });
    fs.symlinkSync(os.tmpdir(), path.join(folder, 'link'));
    for (const repro of ['.', 'r', 'real/../r', path.join(folder, 'real')]) expect(needs({ lane, repro })).toEqual([]);
    for (const repro of ['..', '../x', os.tmpdir(), 'link/x']) {
      expect(needs({ lane, repro })).toEqual([expect.stringMatching(/^writes to .*, outside of its own folder$/)]);
    }
  });

  it.skipIf(process.platform === 'win32')('runs nothing without --trust where nobody can be asked', async () => {
    const file = path.join(folder, 'code.json');
    const ran = path.join(folder, 'ran');
    const candidates = `cmd:sh -c "touch ${ran}; exit 3" {out}`;
    const suite = { schema: 'quarrel.suite/1', models: tinyModelPath(), prompts: { tokens: [1, 7] }, candidates };
    fs.writeFileSync(file, JSON.stringify(suite));
    const refused = await runCli(['suite', file, '--json']);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^ {2}runs the program sh -c touch .*ran; exit 3 \{out\}\n.*--trust allows it$/m);
    expect(fs.existsSync(ran)).toBe(false);
    for (const answer of ['n', 'y']) {
      const asked = onTerminal([file], answer);
      if (asked === undefined) break;
      expect(asked).toMatch(/Allow it\? \[y\/N\]/);
      expect(fs.existsSync(ran)).toBe(answer === 'y');
    }
    fs.rmSync(ran, { force: true });
    const allowed = await runCli(['suite', file, '--trust', '--json']);
    expect(JSON.parse(allowed.stdout)).toMatchObject({
      errors: 1,
      cases: [{ error: expect.stringMatching(/code 3/) as string }],
    });
    expect(fs.existsSync(ran)).toBe(true);
  });
});
