import { Command, InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';

import type { RunOptions } from '../../../src/main/cli/run-options';
import { accessOf, limitsOf, parseBytes, selectionOf, withRun } from '../../../src/main/cli/run-options';
import { WeightBudget } from '../../../src/shared/gpu/weight-budget';

describe('parseBytes', () => {
  it.each([
    ['1', 1],
    ['1500000', 1_500_000],
    ['512M', 512 * 2 ** 20],
    ['512m', 512 * 2 ** 20],
    ['2G', 2 ** 31],
    ['2GB', 2 ** 31],
    ['2GiB', 2 ** 31],
    ['2gib', 2 ** 31],
    ['64 KiB', 65536],
    [' 64k ', 65536],
    ['100B', 100],
    ['1.5K', 1536],
    ['0.3k', 307],
  ])('%j is %i', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each(['', ' ', 'M', '0', '0G', '0.5', '-1M', '1e6', '5T', '5 5', '.5M', '5.M', '0x10', '512 Mega', 'Infinity'])(
    'refuses %j and says the form',
    (text) => {
      expect(() => parseBytes(text)).toThrow(InvalidArgumentError);
      expect(() => parseBytes(text)).toThrow(`${JSON.stringify(text)}: 512M or 2G is the form`);
    },
  );
});

/** The options as a command gets them from these arguments. */
function parsed(...args: readonly string[]): RunOptions {
  const silent = { writeErr: () => undefined, writeOut: () => undefined };
  const command = withRun(new Command('run')).exitOverride().configureOutput(silent);
  return command.parse(args, { from: 'user' }).opts<RunOptions>();
}

describe('withRun', () => {
  it('reads weights as they are and runs everything, unless told', () => {
    const options = parsed();
    expect(options).toEqual({ weights: 'as-is' });
    expect([accessOf(options), limitsOf(options), selectionOf(options)]).toEqual([
      { precision: 'as-is', streamed: false },
      {},
      {},
    ]);
  });

  it('streams weights within a budget, at the precision asked for', () => {
    const options = parsed('--memory-budget', '1M', '--weights', 'f16');
    expect(accessOf(options)).toEqual({ precision: 'f16', streamed: true });
    expect(limitsOf(options)).toEqual({ weightBudget: new WeightBudget(2 ** 20) });
  });

  it('picks layers and an end', () => {
    expect(selectionOf(parsed('--layers', '3..5'))).toEqual({ layers: { from: 3, to: 5 } });
    expect(selectionOf(parsed('--stop-after', 'ffn_out-3', '--layers', '2'))).toEqual({
      layers: { from: 2, to: 2 },
      stopAfter: 'ffn_out-3',
    });
  });

  it('takes no steps as the prompt alone', () => {
    expect(parsed('--steps', '0')).toMatchObject({ steps: 0 });
  });

  it('takes steps, their tokens and a placement', () => {
    expect(parsed('--steps', '2', '--step-tokens', '7, 30', '--place', '0:reference,1-:webgpu')).toMatchObject({
      ...{ steps: 2, stepTokens: [7, 30], place: '0:reference,1-:webgpu' },
    });
  });

  it.each([
    [['--steps', '-1'], 'is no index'],
    [['--layers', '5..3'], '"5..3": 0..3 or 0 is the form'],
    [['--weights', 'f64'], 'Allowed choices are as-is, f16, f32'],
    [['--memory-budget', 'lots'], '"lots": 512M or 2G is the form'],
    [['--step-tokens', '1,x'], '"x" is no token id'],
  ])('refuses %j', (args, message) => {
    expect(() => parsed(...args)).toThrow(message);
  });
});
