import { describe, expect, it } from 'vitest';
import type { VerifyReport } from '../../../src/shared/compare/decode-report';
import { runCli } from '../../helpers/run-cli';
import { ggmlBasePath } from '../../helpers/ggml-base';
import { tinyModelPath } from '../../helpers/shared-files';

const model = tinyModelPath();

describe('quarrel verify', () => {
  it.skipIf(ggmlBasePath() === undefined)(
    'exits 0 and prints one JSON document where all lanes are equal',
    async () => {
      const { code, stdout } = await runCli(['verify', model, '--lanes', 'scalar,wasm,llama', '--json']);
      expect(code).toBe(0);
      const report = JSON.parse(stdout) as VerifyReport;
      expect(report).toMatchObject({ schema: 'quarrel.verify/1', model, sample: null, totals: { mismatches: 0 } });
      expect(report.lanes.map(({ lane, verdict }) => `${lane}: ${verdict}`)).toEqual([
        'scalar: equal',
        'wasm: equal',
        'llama: judge',
      ]);
    },
  );

  it('prints a table for people', async () => {
    const { code, stdout } = await runCli([
      'verify',
      model,
      '--lanes',
      'scalar',
      '--tensor',
      'blk.0.*',
      '--sample',
      '3',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/at most 3 runs of 256 values per tensor/);
    expect(stdout).toMatch(/^scalar +(equal|judge)/m);
    expect(stdout).toMatch(/no findings/);
  });

  it.each([
    [['--lanes', 'vulkan'], /unknown lane "vulkan": scalar, wasm, webgpu\[@DIR\] or llama expected/],
    [
      ['--lanes', 'webgpu@no-such-folder', '--tensor', 'output_norm*'],
      /webgpu@no-such-folder was not measured: .*no such folder/,
    ],
    [['--tensor', 'nothing.*'], /no tensor matches "nothing\.\*"/],
    [['--sample', '0'], /0 is no count/],
  ])('%j exits 2 with one clear line', async (options, message) => {
    const { code, stderr } = await runCli(['verify', model, ...options]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
