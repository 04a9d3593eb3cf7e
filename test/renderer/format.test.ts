import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCosine,
  formatCount,
  formatError,
  formatFactor,
  formatShape,
  formatTime,
  formatToken,
  formatUlp,
  formatShare,
  formatValue,
} from '../../src/renderer/ui/format/numbers';
import { baseName, laneName } from '../../src/renderer/ui/format/paths';
import { MOST_DECODE_STEPS, parsePrompt, parseSteps } from '../../src/renderer/ui/format/prompt';

describe('numbers', () => {
  it.each([
    [0, '0'],
    [1e-15, '1.0e-15'],
    [0.00123, '0.00123'],
    [1.5, '1.5'],
    [Infinity, 'non-finite'],
    [NaN, 'NaN'],
    [undefined, '—'],
  ])('error %d reads %s', (value, text) => {
    expect(formatError(value)).toBe(text);
  });

  it.each([
    [0, '0'],
    [-1.41931, '\u22121.4193'],
    [12345.67, '12346'],
    [123456.7, '1.235e5'],
    [1e-5, '1.000e-5'],
    [-Infinity, '\u2212Inf'],
  ])('value %d reads %s', (value, text) => {
    expect(formatValue(value)).toBe(text);
  });

  it('never rounds a cosine below 1 up to 1', () => {
    expect(formatCosine(1)).toBe('1');
    expect(formatCosine(0.99999999)).toBe('0.999999+');
    expect(formatCosine(-0.25)).toBe('\u22120.250000');
    expect(formatCosine(NaN)).toBe('undefined');
  });

  it('chooses readable units', () => {
    expect([12, 1536, 3 * 2 ** 30].map(formatBytes)).toEqual(['12 B', '1.50 KiB', '3.00 GiB']);
    expect([0.5, 1500, 2.5e6].map(formatTime)).toEqual(['0.5 µs', '1.50 ms', '2.50 s']);
    expect([7, 4984064].map(formatCount)).toEqual(['7', '4\u202f984\u202f064']);
    expect([2, 2146926272].map(formatUlp)).toEqual(['2', '2.1e9']);
    expect([0.003, 2.54, 27461, 1.8e14, Infinity].map(formatFactor)).toEqual([
      '0.003×',
      '2.5×',
      '27\u202f461×',
      '1.8e14×',
      '∞×',
    ]);
  });

  it('shows shapes without trailing ones, tokens with their blanks', () => {
    expect(formatShape([64, 4, 1, 1])).toBe('64 × 4');
    expect(formatShape([1, 1, 1, 1])).toBe('1');
    expect(formatToken(' Paris\n', 7042)).toBe('" Paris\\n"');
    expect(formatToken(undefined, 17)).toBe('#17');
  });
});

describe('paths', () => {
  it('names lanes shortly', () => {
    expect(baseName('C:\\models\\a.gguf')).toBe('a.gguf');
    expect(laneName('webgpu@/home/me/kernels/')).toBe('webgpu @ kernels');
    expect(laneName('trace:/dumps/mine.safetensors')).toBe('trace mine.safetensors');
    expect(laneName('llama')).toBe('llama');
  });
});

describe('parsePrompt', () => {
  it('takes text as it is', () => {
    expect(parsePrompt('prompt', ' Hi ')).toEqual({ ok: true, value: { kind: 'prompt', text: ' Hi ' } });
    expect(parsePrompt('prompt', '')).toMatchObject({ ok: false });
  });

  it('takes token ids with commas or blanks and names the first wrong one', () => {
    expect(parsePrompt('tokens', '1, 17  5')).toEqual({ ok: true, value: { kind: 'tokens', tokens: [1, 17, 5] } });
    expect(parsePrompt('tokens', '1, x')).toEqual({ ok: false, error: '"x" is no token id: write them as 1, 17, 5.' });
    expect(parsePrompt('tokens', '1,-2')).toMatchObject({ ok: false });
    expect(parsePrompt('tokens', ' , ')).toMatchObject({ ok: false });
  });
});

describe('parseSteps', () => {
  it('takes 0, the prompt only, up to the most', () => {
    for (const steps of [0, 3, MOST_DECODE_STEPS])
      expect(parseSteps(String(steps))).toEqual({ ok: true, value: steps });
  });

  it('says what it wants for anything else: a number field reports what it cannot read as empty', () => {
    for (const text of ['', '-1', '1.5', '1e1', 'x', String(MOST_DECODE_STEPS + 1)]) {
      expect(parseSteps(text)).toEqual({ ok: false, error: 'Decode steps: a number from 0 to 64 is expected.' });
    }
  });
});

describe('formatShare', () => {
  it('rounds down, so that only the whole is 100 %', () => {
    expect([1, 0.999998, 0.9949, 0.7801, 0.004, 0, -1, NaN].map(formatShare)).toEqual([
      '100 %',
      '99.99 %',
      '99.49 %',
      '78 %',
      '< 1 %',
      '0 %',
      '0 %',
      '0 %',
    ]);
  });
});
