/** Full, closed, missing and hostile files: the verdict is told, the exit code is true, no input is lost. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { sha256Of } from '../../src/main/repro/sha256';
import { encodeGguf } from '../../src/shared/gguf/write';
import { tinyModelPath } from '../helpers/shared-files';
import { World } from './fault-run';
import { copyModel, makeDumps, TOKENS } from './wrong-dump';

const model = tinyModelPath();
const tokens = ['--tokens', TOKENS.join()];

let world: World;
let wrong: string[];
let right: string[];
let dump: string;
beforeAll(async () => {
  world = new World();
  const dumps = await makeDumps(world.folder('dumps'));
  dump = dumps.right;
  wrong = ['bisect', model, '--candidate', `trace:${dumps.wrong}`, '--no-effect', '--budget', '1'];
  right = ['bisect', model, '--candidate', `trace:${dumps.right}`];
});
afterAll(() => world.dispose());

describe.skipIf(process.platform === 'win32')('a stream', () => {
  it.each<[string, string, readonly string[], number]>([
    ['a closed stdout', '>&-', ['wrong'], 1],
    ['a reader that is gone', '| true', ['wrong'], 1],
    ['a closed stderr', '2>&-', ['right'], 0],
    ['a full stderr', '2>/dev/full', ['right'], 0],
    ['a full stdout', '>/dev/full', ['wrong'], 2],
    ['a full stdout', '>/dev/full', ['inspect', model], 2],
    ['a full stdout', '>/dev/full', ['--help'], 2],
  ])('that fails does not change what was found: %s', async (_how, redirect, args, code) => {
    const whole = args[0] === 'wrong' ? wrong : args[0] === 'right' ? right : args;
    // Behind a pipe the shell's own exit code is that of the last program.
    const piped = redirect === '| true' ? `${redirect}; exit \${PIPESTATUS[0]}` : redirect;
    const end = await world.run(whole, { redirect: piped });
    expect(end.code).toBe(code);
    if (redirect === '>/dev/full') expect(end.stderr).toMatch(/^quarrel: the answer could not be written: ENOSPC/m);
    expect(world.left()).toEqual([]);
  });
});

describe.skipIf(process.platform === 'win32')('a limit of the system', () => {
  it('on open files is no difference found', async () => {
    const end = await world.run(right, { before: 'ulimit -n 24' });
    expect(end.code).toBe(2);
    expect(end.stderr).toMatch(/^quarrel: .*EMFILE/m);
    expect(end.stderr).not.toMatch(/bug in Quarrel/);
    expect(world.left()).toEqual([]);
  });

  it('on the size of files leaves the old file as it was', async () => {
    const out = world.at('t.safetensors');
    fs.writeFileSync(out, 'old');
    const end = await world.run(['trace', model, ...tokens, '--out', out], { before: 'ulimit -f 200' });
    expect(end.code).toBe(2);
    expect(end.stderr).toMatch(/^quarrel: cannot write .*EFBIG/m);
    expect(fs.readFileSync(out, 'utf8')).toBe('old');
    expect(world.left('t.safetensors')).toEqual([]);
    fs.rmSync(out);
  });

  it.each([
    ['missing', 'absent'],
    ['a file', 'right.safetensors'],
  ])('a folder for temporary files that is %s is named', async (_how, name) => {
    const TMPDIR = path.join(path.dirname(dump), name);
    const end = await world.run(right, { env: { TMPDIR } });
    expect(end).toMatchObject({ code: 2, stdout: '' });
    expect(end.stderr).toMatch(/^quarrel: cannot write temporary files in .*; TMPDIR/m);
    const traced = await world.run(['trace', model, ...tokens, '--out', world.at('t')], { env: { TMPDIR } });
    expect(traced.code).toBe(0);
    fs.rmSync(world.at('t'));
  });
});

/** A small disk; undefined where none may be mounted. */
function smallDisk(name: string, options: string): string | undefined {
  const folder = world.folder(name);
  if (process.platform !== 'linux') return undefined;
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' });
  return status === 0 ? folder : undefined;
}

describe('a disk', () => {
  it('that is full or read-only is known before the run, and what fills up later leaves the verdict', async (context) => {
    const full = smallDisk('full', 'size=16k');
    const closed = smallDisk('closed', 'size=16k,ro');
    if (full === undefined || closed === undefined) return context.skip('no file system can be mounted here');
    try {
      const late = await world.run([
        ...wrong,
        '--report',
        path.join(full, 'r.html'),
        '--repro',
        path.join(full, 'repro'),
      ]);
      expect(late.code).toBe(2);
      expect(late.stdout).toMatch(/^DIVERGED/m);
      expect(late.stderr).toMatch(/^quarrel: cannot write .*ENOSPC/m);
      expect(fs.readdirSync(full)).toEqual([]);

      fs.writeFileSync(path.join(full, 'filler'), new Uint8Array(16384));
      for (const folder of [full, closed]) {
        for (const [option, name] of [
          ['--report', 'r.json'],
          ['--repro', 'repro'],
        ] as const) {
          const early = await world.run([...wrong, option, path.join(folder, name)]);
          expect(early).toMatchObject({ code: 2, stdout: '' });
          expect(early.stderr).toMatch(
            /^quarrel: (--\w+|cannot write) .*(cannot be written: (ENOSPC|EROFS|no space)|ENOSPC)/m,
          );
          expect(early.stderr).not.toMatch(/capture/);
        }
      }
    } finally {
      for (const folder of [full, closed]) execFileSync('umount', [folder]);
    }
  });
});

describe('an input', () => {
  it('is never an output', async () => {
    const copy = copyModel(world.folder('inputs'));
    const map = path.join(path.dirname(copy), 'map.json');
    const suite = path.join(path.dirname(copy), 'suite.json');
    fs.writeFileSync(map, '{}');
    fs.writeFileSync(
      suite,
      JSON.stringify({ schema: 'quarrel.suite/1', models: 'model.gguf', candidates: `trace:${dump}` }),
    );
    fs.symlinkSync(copy, path.join(path.dirname(copy), 'link.json'));
    const link = path.join(path.dirname(copy), 'link.json');
    const before = [copy, map, suite, dump].map(sha256Of);
    for (const args of [
      ['trace', copy, ...tokens, '--out', copy],
      ['trace', copy, ...tokens, '--out', world.at('t'), '--perfetto', link],
      ['block', copy, 'blk.0.attn_q.weight', '--index', '0', '--out', copy],
      ['map', copy, '--candidate', `trace:${dump}`, '--out', dump],
      ['bisect', copy, '--candidate', `trace:${dump}`, '--report', link],
      ['bisect', copy, '--candidate', `trace:${dump}`, '--map', map, '--report', map],
      ['suite', suite, '--junit', suite],
    ]) {
      const end = await world.run(args);
      expect({ args, ...end }).toMatchObject({ code: 2, stdout: '' });
      expect(end.stderr).toMatch(/^quarrel: --\w+ .*: this file is read here.* would be lost/m);
    }
    expect([copy, map, suite, dump].map(sha256Of)).toEqual(before);
    expect(world.left()).toEqual([]);
  });

  it('cannot command the terminal', async () => {
    const name = 'x\u001b]0;title\u0007\u001b[2J\u009b31m\u202e\nblk.9.fake  F32  4';
    const bytes = encodeGguf(
      {
        metadata: [
          { key: 'general.architecture', type: 'str', value: name },
          { key: `key.${name}`, type: 'str', value: name },
        ],
        tensors: [{ name: name.slice(0, 40), type: 'F32', ne: [4] }],
      },
      [new Uint8Array(16)],
    );
    const file = path.join(world.folder('names'), `${name.slice(0, 9)}.gguf`);
    fs.writeFileSync(file, bytes);
    for (const args of [
      ['inspect', file],
      ['inspect', file, '--json'],
      ['block', file, 'nothing'],
      ['bisect', file, '--candidate', `cmd:sh -c "printf '\\033[2J' >&2; exit 1" {out}`, ...tokens],
    ]) {
      const { stdout, stderr } = await world.run(args);
      expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(stdout).not.toMatch(/^blk\.9\.fake/m);
    }
  });
});

describe.skipIf(process.platform === 'win32')('a cmd: program', () => {
  it.each<[string, string, number, RegExp, number]>([
    ['that hangs', 'sleep 30', 2, /did not end within 1 s/, 8000],
    ['that left its group and has our pipes', 'setsid sleep 30 & sleep .1; exit 3', 2, /ended with code 3/, 8000],
    ['that forks and floods', 'for i in 1 2 3 4; do yes & done; wait', 2, /did not end within 1 s/, 8000],
    ['that leaves a pipe for a trace', 'mkfifo $0', 2, /it is a pipe; a file is expected/, 8000],
    ['that leaves a folder', 'mkdir $0', 2, /it is a folder; a file is expected/, 8000],
    ['that leaves nothing', 'true', 2, /wrote no trace/, 8000],
  ])('%s cannot hold us', async (_how, script, code, message, ms) => {
    const lane = `cmd:bash -c '${script}' {out}`;
    const end = await world.run(['bisect', model, ...tokens, '--candidate', lane, '--timeout', '1']);
    expect(end.code).toBe(code);
    expect(end.stderr).toMatch(message);
    expect(end.ms).toBeLessThan(ms);
    expect(world.left()).toEqual([]);
    for (const { pid, command } of world.processes()) {
      expect(command).toMatch(/^sleep 30/); // the one that left its group
      process.kill(pid, 'SIGKILL');
    }
  });
});
