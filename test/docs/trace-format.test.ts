import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { projectRoot, specimenPath } from '../../src/main/entry-path';
import { compareTraces } from '../../src/main/jobs/compare-traces';
import { findFirstBad } from '../../src/main/jobs/find-first-bad';
import { TraceFile } from '../../src/main/traces/trace-file';
import { Control } from '../../src/shared/base/control';
import { MAX_HEADER_BYTES } from '../../src/shared/trace/safetensors';
import type { Verdict } from '../../src/shared/divergence/verdict';
import { parseNameMap } from '../../src/shared/trace/name-map';

const text = fs.readFileSync(path.join(projectRoot(), 'docs', 'trace-format.md'), 'utf8');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'trace-format-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** The code blocks of a language, in order. */
function blocks(language: string): string[] {
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter((m) => m[1] === language).map((m) => m[2]!);
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
  expect({ status, stderr, error }).toMatchObject({ status: 0, error: undefined });
}

function works(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function write(name: string, code: string): string {
  fs.writeFileSync(path.join(folder, name), code);
  return name;
}

const main = (language: string, marker: RegExp): string => blocks(language).find((code) => marker.test(code))!;

interface Snippet {
  readonly what: string;
  readonly present: boolean;
  readonly code: string;
  /** Runs the program; it writes its dump to `out`. */
  readonly make: (code: string, out: string) => void;
}

const python = (name: string) => (code: string, out: string) => run('python3', [write(`${name}.py`, code), out]);

const snippets: readonly Snippet[] = [
  {
    what: 'C++',
    present: works('g++', '--version'),
    code: main('cpp', /int main/),
    make: (code, out) => {
      run('g++', ['-std=c++17', '-Wall', '-Wextra', '-Werror', write('dump.cpp', code), '-o', 'dump']);
      run(path.join(folder, 'dump'), [out]);
    },
  },
  {
    what: 'Go',
    present: works('go', 'version'),
    code: main('go', /func main/),
    make: (code, out) => run('go', ['run', write('dump.go', code), out]),
  },
  {
    what: 'Python',
    present: works('python3', '--version'),
    code: main('python', /struct\.pack/),
    make: python('plain'),
  },
  {
    what: 'Python with numpy and safetensors',
    present: works('python3', '-c', 'import numpy, safetensors'),
    code: main('python', /save_file/),
    make: python('numpy-dump'),
  },
  {
    what: 'Swift',
    present: works('swiftc', '--version'),
    code: main('swift', /struct TraceDump/),
    make: (code, out) => {
      run('swiftc', [write('dump.swift', code), '-o', 'swift-dump']);
      run(path.join(folder, 'swift-dump'), [out]);
    },
  },
];

const control = (): Control => new Control(() => undefined);

async function bisect(dump: string, tokens: readonly number[]): Promise<Verdict> {
  const prompt = { kind: 'tokens', tokens } as const;
  const request = { modelPath: specimenPath(), prompt, reference: 'llama', candidate: `trace:${dump}` };
  return findFirstBad(request, { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) }, control());
}

/** A compiler that runs for the first time builds its standard library, too. */
const COMPILES = 120_000;
/** The wizard looks for the cause, too. */
const JUDGES = 60_000;

describe('the writers of docs/trace-format.md', () => {
  const made: string[] = [];

  // Where a compiler is absent, the test is skipped by the name of its language.
  it.each(snippets.filter((s) => s.present))(
    '$what writes a dump that is read, and right as far as it goes',
    async (s) => {
      const out = path.join(folder, `${s.what.replace(/\W+/g, '-')}.safetensors`);
      s.make(s.code, out);
      const dump = TraceFile.open(out);
      expect(dump.tokens).toEqual([1]);
      expect(dump.engine).toMatch(/^ones in /);
      const keys = [0, 1, 2, 3, 4, 5, 6, 7].map((layer) => `kq_soft_max-${layer}`);
      expect([...dump.entries.keys()].sort()).toEqual(keys);
      for (const key of keys) {
        expect(dump.entries.get(key)).toMatchObject({ dtype: 'F32', shape: [8, 1, 1] });
        expect([...dump.readF32(key)]).toEqual(Array<number>(8).fill(1));
      }
      // one branch of each layer only: the residual stream goes past it
      const verdict = await bisect(out, dump.tokens);
      expect(verdict).toMatchObject({ verdict: 'incomparable', allBad: [], compared: 8, tokens: [1] });
      dump.dispose();
      made.push(out);
    },
    COMPILES,
  );
  it.skip.each(snippets.filter((s) => !s.present))(
    '$what: its compiler or packages are not installed',
    () => undefined,
  );

  it('agree with each other', async () => {
    expect(made.length).toBe(snippets.filter((s) => s.present).length);
    for (const candidate of made.slice(1)) {
      const report = await compareTraces({ reference: made[0]!, candidate, maxNmse: 0 }, control());
      expect(report).toMatchObject({ differing: [], notCompared: [] });
      expect(report.nodes).toHaveLength(8);
    }
  });

  it.skipIf(!snippets[2]!.present)(
    'are blamed at the checkpoint that is not 1',
    async () => {
      const out = path.join(folder, 'half.safetensors');
      const code = snippets[2]!.code.replace('[1.0] * 8', '[0.5 if layer == 0 else 1.0] * 8');
      expect(code).not.toBe(snippets[2]!.code);
      python('half')(code, out);
      const verdict = await bisect(out, [1]);
      expect(verdict).toMatchObject({ verdict: 'diverged', firstBad: { node: 'kq_soft_max-0' } });
    },
    JUDGES,
  );
});

describe('what docs/trace-format.md says', () => {
  it('holds for its JSON', () => {
    const [header, map] = blocks('json');
    expect(() => JSON.parse(header!) as unknown).not.toThrow();
    expect([...parseNameMap(map!, 'map').keys()]).toContain('model.layers.{N}.self_attn.q_proj');
  });
  it('names the limit of the header', () => {
    expect(text).toContain(`at most ${MAX_HEADER_BYTES / 2 ** 20} MiB`);
  });
});
