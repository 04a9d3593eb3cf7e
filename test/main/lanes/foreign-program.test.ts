import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { runForeignProgram } from '../../../src/main/lanes/foreign-program';
import { Control } from '../../../src/shared/base/control';
import { CancelledError, QuarrelError } from '../../../src/shared/base/errors';
import { parseForeignCommand } from '../../../src/shared/divergence/foreign-command';

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'foreign-program-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

let scripts = 0;

/** Runs a script with what its words say. */
function run(body: string, options: { control?: Control; timeoutMs?: number; out?: string } = {}): Promise<void> {
  const script = path.join(folder, `script-${scripts++}.mjs`);
  fs.writeFileSync(script, `import fs from 'node:fs'; import { spawn } from 'node:child_process';\n${body}`);
  const command = parseForeignCommand(`"${process.execPath}" "${script}" {model} {tokens} {out} {checkpoints}`);
  const out = options.out ?? path.join(folder, `out-${scripts}`);
  const what = { model: 'm $HOME *.gguf', tokens: [1, 2], out, checkpoints: ['a', 'b'] };
  return runForeignProgram(command, what, options.control ?? new Control(() => undefined), options.timeoutMs);
}

/** Whether a process of that number still runs. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
}

describe('a foreign program', () => {
  it('gets its words as they are, without a shell', async () => {
    const out = path.join(folder, 'words');
    await run('fs.writeFileSync(process.argv[4], JSON.stringify(process.argv.slice(2)));', { out });
    expect(JSON.parse(fs.readFileSync(out, 'utf8'))).toEqual(['m $HOME *.gguf', '1,2', out, 'a,b']);
  });

  it('fails with its exit code and the last line that it printed', async () => {
    const failed = run('console.log("one"); console.error("no such layer"); process.exitCode = 3;');
    await expect(failed).rejects.toThrow(/ended with code 3: no such layer$/);
    await failed.catch((e: unknown) => {
      expect(e).toBeInstanceOf(QuarrelError);
      expect((e as QuarrelError).detail).toContain('one');
    });
  });

  it('fails where it cannot be started or writes nothing', async () => {
    const nothing = parseForeignCommand('quarrel-has-no-such-program {out}');
    const what = { model: '', tokens: [], out: path.join(folder, 'none'), checkpoints: [] };
    await expect(runForeignProgram(nothing, what, new Control(() => undefined))).rejects.toThrow(/cannot be started/);
    await expect(run('console.log("bye");')).rejects.toThrow(/wrote no trace to its \{out\}: bye/);
  });

  it.skipIf(process.platform === 'win32')(
    'is ended with its children when time is up or the job is cancelled',
    async () => {
      const pids = path.join(folder, 'pids');
      const child = `const c = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      fs.appendFileSync(${JSON.stringify(pids)}, c.pid + '\\n'); setInterval(() => {}, 1000);`;
      const children = (): number[] =>
        fs.existsSync(pids) ? fs.readFileSync(pids, 'utf8').trim().split('\n').map(Number) : [];
      const control = new Control(() => undefined);
      const cancelled = run(child, { control });
      await until(() => children().length === 1);
      control.cancel();
      await expect(cancelled).rejects.toThrow(CancelledError);
      await expect(run(child, { timeoutMs: 1500 })).rejects.toThrow(/did not end within 1.5 s/);
      expect(children()).toHaveLength(2);
      await until(() => !children().some(lives));
      expect(children().filter(lives)).toEqual([]);
    },
  );
});
