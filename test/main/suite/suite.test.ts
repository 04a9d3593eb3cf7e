import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { captureTrace } from '../../../src/main/capture/capture';
import { runSuite } from '../../../src/main/suite/run-suite';
import type { SuiteCase } from '../../../src/main/suite/suite-cases';
import { casesOf, filtered } from '../../../src/main/suite/suite-cases';
import type { Suite } from '../../../src/main/suite/suite-file';
import { parseSuite } from '../../../src/main/suite/suite-file';
import type { SuiteReport, SuiteResult } from '../../../src/main/suite/suite-report';
import { differences } from '../../../src/main/suite/suite-report';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { TraceWriter } from '../../../src/main/traces/trace-writer';
import { Control } from '../../../src/shared/base/control';
import { CancelledError } from '../../../src/shared/base/errors';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import { isComputing } from '../../../src/shared/graph/graph';
import { runCli } from '../../helpers/run-cli';
import { tinyModelPath } from '../../helpers/shared-files';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'suite-test-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
const TOKENS = [1, 7, 300];
/** Milliseconds for several runs of the wizard. */
const SLOW = 60_000;

function parse(suite: object): Suite {
  return parseSuite(JSON.stringify({ schema: 'quarrel.suite/1', ...suite }), path.join(folder, 's.json'));
}

describe('a suite file', () => {
  const whole = { models: 'a.gguf', prompts: 'Hi', candidates: 'webgpu' };

  it('takes one for a list, and texts for objects', () => {
    expect(casesOf(parse(whole))).toMatchObject([
      {
        name: 'a.gguf · Hi · webgpu',
        modelPath: path.join(folder, 'a.gguf'),
        prompt: { prompt: { kind: 'prompt', text: 'Hi' } },
        candidate: { lane: 'webgpu' },
        reference: 'llama',
        expect: {},
      },
    ]);
  });

  it('multiplies models, prompts and candidates; entries inherit and override', () => {
    const suite = parse({
      defaults: { models: ['a.gguf', 'b.gguf'], reference: 'reference', threads: 2, expect: { token: 'x' } },
      prompts: ['Hi', { name: 'ids', tokens: [1, 2], steps: 2 }],
      candidates: ['webgpu', { lane: 'webgpu@shaders', name: 'mine', expect: { node: 'Qcur-0#1' } }],
      entries: [{}, { models: 'c.gguf', prompts: { tokens: [3] }, reference: 'llama', expect: { minLogit: 7 } }],
    });
    const cases = casesOf(suite);
    expect(cases).toHaveLength(2 * 2 * 2 + 2);
    expect(cases[3]).toMatchObject({
      name: 'a.gguf · ids · mine',
      threads: 2,
      reference: 'reference',
      prompt: { steps: 2, prompt: { kind: 'tokens', tokens: [1, 2] } },
      candidate: { lane: `webgpu@${path.join(folder, 'shaders')}` },
      expect: { token: 'x', verdict: 'diverged', node: ['Qcur-0#1'] },
    });
    expect(cases[8]).toMatchObject({ name: 'c.gguf · 3 · webgpu', reference: 'llama', expect: { minLogit: 7 } });
    expect(filtered(cases, '*ids*').map((c) => c.prompt.name)).toEqual(['ids', 'ids', 'ids', 'ids']);
    expect(filtered(cases, 'nothing')).toEqual([]);
  });

  it('is strict where it says so: for all, for an entry, for a candidate', () => {
    const lane = 'webgpu';
    const candidates = [lane, { lane, strict: false }, { lane, strict: true }];
    const strictOf = (suite: object) => casesOf(parse({ ...whole, candidates, ...suite })).map((c) => c.strict);
    expect(strictOf({})).toEqual([false, false, true]);
    expect(strictOf({ defaults: { strict: true } })).toEqual([true, false, true]);
    expect(strictOf({ strict: true, entries: [{}, { strict: false }] })).toEqual([
      ...[true, false, true],
      ...[false, false, true],
    ]);
  });

  it('finds models by glob, and only the first part of a split one', () => {
    const models = path.join(folder, 'models', 'sub');
    fs.mkdirSync(models, { recursive: true });
    for (const name of ['x.gguf', 'y-00001-of-00002.gguf', 'y-00002-of-00002.gguf', 'z.txt'])
      fs.writeFileSync(path.join(models, name), '');
    const cases = casesOf(parse({ ...whole, models: 'models/**/*.gguf' }));
    expect(cases.map((c) => c.model)).toEqual(['models/sub/x.gguf', 'models/sub/y-00001-of-00002.gguf']);
    expect(() => casesOf(parse({ ...whole, models: ['a.gguf', 'none/*.gguf'] }))).toThrow(
      /s\.json: models\[1\]: no file matches "none\/\*\.gguf"/,
    );
  });

  it('keeps links that lead nowhere and names that look like a part, whose cases fail alone', () => {
    const odd = path.join(folder, 'odd');
    fs.mkdirSync(odd);
    fs.symlinkSync('loop.gguf', path.join(odd, 'loop.gguf'));
    fs.symlinkSync('gone', path.join(odd, 'dangling.gguf'));
    fs.writeFileSync(path.join(odd, 'x-00009-of-00003.gguf'), 'GGUF');
    fs.writeFileSync(path.join(odd, 'y-00002-of-00003.gguf'), 'GGUF');
    const cases = casesOf(parse({ ...whole, models: 'odd/*.gguf' }));
    expect(cases.map((c) => c.model.replace('odd/', ''))).toEqual([
      ...['dangling.gguf', 'loop.gguf', 'x-00009-of-00003.gguf', 'y-00002-of-00003.gguf'],
    ]);
  });

  it('gives every case a file name of its own', () => {
    const names = casesOf(parse({ ...whole, prompts: ['a?', 'a!'] })).map((c) => c.fileName);
    expect(names).toEqual(['a.gguf-a-webgpu', 'a.gguf-a-webgpu-2']);
    // none that another one already has, on file systems that do not tell case apart either
    const more = casesOf(parse({ ...whole, prompts: ['a?', 'A', 'a!', 'a-webgpu-2', '漢'.repeat(300)] }));
    expect(new Set(more.map((c) => c.fileName.toLowerCase())).size).toBe(5);
    expect(more.every((c) => Buffer.byteLength(c.fileName) <= 160)).toBe(true);
  });

  it.each([
    ['{', /s\.json: no JSON/],
    ['[]', /the document is \[\]; an object expected/],
    ['{}', /"schema" is missing; "quarrel\.suite\/1" expected/],
    ['{"schema":"quarrel.suite/2"}', /schema is "quarrel\.suite\/2"; "quarrel\.suite\/1" expected/],
    [{ modles: [] }, /unknown field "modles"; known: schema, name/],
    ['{"schema":"quarrel.suite/1","models":"a","models":"b"}', /key "models" comes twice/],
    [{ prompts: 'a', candidates: 'webgpu' }, /"models" is missing/],
    [{ models: 'a' }, /"candidates" is missing/],
    [{ models: 'a', candidates: 'webgpu' }, /"prompts" is missing: only a dump/],
    [{ ...whole, models: [] }, /models is \[\]; a list that is not empty expected/],
    [{ ...whole, models: [5] }, /models\[0\] is 5; a path or glob expected/],
    [{ ...whole, prompts: [{ tokens: [1, -2] }] }, /prompts\[0\]\.tokens\[1\] is -2; a token id expected/],
    [{ ...whole, prompts: [{ tokens: [1], text: 'a' }] }, /prompts\[0\]: it has "text" and "tokens"/],
    [{ ...whole, candidates: ['cuda'] }, /candidates\[0\]: unknown lane "cuda"/],
    [{ ...whole, candidates: [{ map: 'm.json' }] }, /candidates\[0\]: "lane" is missing/],
    [{ ...whole, entries: [{}, { expect: { verdict: 'bad' } }] }, /entries\[1\]\.expect\.verdict is "bad"; "clean" or/],
    [{ ...whole, expect: { verdict: 'clean', node: 'x' } }, /expect\.node: a clean verdict has no bad node/],
    [{ ...whole, strict: 1 }, /strict is 1; true or false expected/],
    [{ ...whole, expect: { minLogit: '7' } }, /expect\.minLogit is "7"; a number expected/],
  ])('%j is refused', (suite, message) => {
    const text = typeof suite === 'string' ? suite : JSON.stringify({ schema: 'quarrel.suite/1', ...suite });
    expect(() => parseSuite(text, path.join(folder, 's.json'))).toThrow(message);
  });
});

describe('a suite run', () => {
  beforeAll(async () => {
    const out = path.join(folder, 'right.safetensors');
    const { graph } = await captureTrace(
      { modelPath: tinyModelPath(), tokens: TOKENS, out },
      new Control(() => undefined),
    );
    const right = TraceFile.open(out);
    const writer = TraceWriter.create(path.join(folder, 'wrong.safetensors'));
    for (const id of graph.order) {
      const t = graph.tensors[id]!;
      if (!isComputing(graph, t)) continue;
      const values = right.readF32(t.key);
      writer.write(t.key, 'F32', t.ne, t.key === 'ffn_norm-2' ? values.map((v) => v * 1.01) : values);
    }
    writer.finish({ engine: 'wrong', model: '', tokens: TOKENS });
    right.dispose();
  });

  const suite = {
    name: 'dumps',
    models: tinyModelPath(),
    candidates: [
      { lane: 'trace:right.safetensors', name: 'right', expect: { minLogit: -1e6 } },
      { lane: 'trace:wrong.safetensors', name: 'wrong', expect: { node: ['x', 'ffn_norm-2'] } },
      { lane: 'trace:right.safetensors', name: 'too right', expect: { verdict: 'diverged', minLogit: 1e6 } },
      { lane: 'trace:absent.safetensors', name: 'absent' },
    ],
  };
  const verdicts = new Map<string, Verdict>();

  function run(control: Control): Promise<SuiteReport> {
    const { name, file, ...rest } = parse(suite);
    const engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };
    const cases = casesOf({ name, file, ...rest });
    const onResult = (_result: SuiteResult, { candidate }: SuiteCase, verdict: Verdict | undefined): void => {
      if (verdict) verdicts.set(candidate.name, verdict);
    };
    return runSuite({ name, file, cases, onResult, onWrite: (write) => write() }, engines, control);
  }

  it(
    'holds each verdict against what is expected; a case that fails leaves the others alone',
    async () => {
      const stages = new Set<string>();
      const report = await run(new Control((p) => stages.add(p.stage.split(',')[0]!)));
      expect(report).toMatchObject({
        schema: 'quarrel.suite-report/1',
        suite: 'dumps',
        passed: 2,
        failed: 1,
        errors: 1,
      });
      expect(report.cases.map((c) => c.verdict)).toEqual(['clean', 'diverged', 'clean', null]);
      expect(report.cases[1]!.firstBad).toMatchObject({ node: 'ffn_norm-2', layer: 2, step: 0 });
      expect(report.cases[2]!.differences).toEqual([
        'clean; diverged expected',
        expect.stringMatching(/^next token: the reference says .* logit ≥ 1000000 expected$/),
      ]);
      expect(report.cases[3]!.error).toMatch(/^the trace .*absent\.safetensors: cannot be opened/);
      expect([...stages]).toContain('case 3 of 4');
    },
    SLOW,
  );

  it('says how a verdict differs', () => {
    const right = verdicts.get('right')!;
    const wrong = verdicts.get('wrong')!;
    expect(differences({}, right)).toEqual([]);
    expect(differences({}, wrong)).toEqual([expect.stringMatching(/^diverged at ffn_norm-2: .*; clean expected$/)]);
    expect(differences({ verdict: 'diverged' }, wrong)).toEqual([]);
    expect(differences({ verdict: 'diverged', node: ['ffn_norm-1'], step: 1, cause: ['none', 'a'] }, wrong)).toEqual([
      'first bad node is ffn_norm-2; ffn_norm-1 expected',
      'its step is 0; 1 expected',
      ...(wrong.cause ? [`cause is ${wrong.cause.id}; none or a expected`] : []),
    ]);
    const unmet: Verdict = {
      ...right,
      expectation: { expected: 'x', minLogit: undefined, reference: true, candidate: null },
    };
    expect(differences({ token: 'x' }, unmet)).toEqual([
      expect.stringMatching(/^next token: the candidate says .*; "x" expected$/),
    ]);
  });

  it('stops when cancelled', async () => {
    const control: Control = new Control((p) => {
      if (p.stage.startsWith('case 1 of 4')) control.cancel();
    });
    await expect(run(control)).rejects.toThrow(CancelledError);
  });

  it(
    'on the command line: table, JUnit, reports, exit codes',
    async () => {
      const file = path.join(folder, 'suite.json');
      fs.writeFileSync(file, JSON.stringify({ schema: 'quarrel.suite/1', ...suite }));
      const [junit, report] = [path.join(folder, 'junit.xml'), path.join(folder, 'reports')];
      const one = await runCli(['suite', file, '--filter', '* right', '--junit', junit, '--report', report]);
      expect(one).toMatchObject({ code: 1 });
      expect(one.stdout).toMatch(/^ok .* right +clean .* yes$/m);
      expect(one.stdout).toMatch(/^FAIL .* too right +clean .* no$/m);
      expect(one.stdout).toMatch(/1 as expected, 1 not, 0 could not be compared/);
      expect(fs.readFileSync(junit, 'utf8')).toContain('<testsuite name="quarrel suite dumps" tests="2" failures="1"');
      expect(fs.readdirSync(report).map((name) => path.extname(name))).toEqual(['.html', '.md', '.html', '.md']);
      const failed = await runCli(['suite', file, '--filter', '*absent', '--json']);
      expect(failed).toMatchObject({ code: 2 });
      expect(JSON.parse(failed.stdout)).toMatchObject({ errors: 1, cases: [{ verdict: null }] });
      const none = await runCli(['suite', file, '--filter', 'nobody']);
      expect(none).toMatchObject({ code: 2, stdout: '' });
      expect(none.stderr).toMatch(/no case of .* matches "nobody"; the first of 4 is/);
    },
    SLOW,
  );

  it(
    'does not fail a candidate that rounds, unless it is strict',
    async () => {
      const lane = 'llama:cpu,ctk=bf16';
      const candidates = [lane, { lane, name: 'strict', strict: true }];
      const rounding = { schema: 'quarrel.suite/1', models: tinyModelPath(), prompts: { tokens: TOKENS }, candidates };
      const [file, junit] = [path.join(folder, 'rounding.json'), path.join(folder, 'rounding.xml')];
      fs.writeFileSync(file, JSON.stringify(rounding));
      const { code, stdout } = await runCli(['suite', file, '--junit', junit]);
      expect(code).toBe(1);
      expect(stdout).toMatch(/^ok .* llama:cpu,ctk=bf16 +clean, \d rounded .* yes$/m);
      expect(stdout).toMatch(/^FAIL .* strict +diverged, \d rounded .* no$/m);
      expect(stdout).toMatch(
        /diverged: nothing is wrong, but \d nodes round, and rounding counts \(strict\); clean expected/,
      );
      expect(fs.readFileSync(junit, 'utf8').match(/<system-out>\d nodes round\n/g)).toHaveLength(2);
    },
    SLOW,
  );
});
