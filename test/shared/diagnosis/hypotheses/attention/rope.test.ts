import { describe, expect, it } from 'vitest';
import { HEAD_LAYOUT } from '../../../../../src/shared/diagnosis/hypotheses/attention/head-layout';
import { HEAD_ORDER } from '../../../../../src/shared/diagnosis/hypotheses/attention/head-order';
import { ROPE_BASE } from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-base';
import { ROPE_CHANNELS } from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-channels';
import { ROPE_EXPONENT } from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-exponent';
import { ROPE_FACTORS } from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-factors';
import { ROPE_FREQUENCY_SCALE } from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-frequency-scale';
import { ROPE_HEADS } from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-heads';
import { ROPE_OTHER_LAYER } from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-other-layer';
import { ROPE_PAIRING } from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-pairing';
import { ROPE_POSITION } from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-position';
import { ROPE_POSITION_OFFSET } from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-position-offset';
import { ROPE_PRECISION } from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-precision';
import {
  ROPE_DIRECTION,
  ROPE_SKIPPED,
  ROPE_TWICE,
} from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-rotation';
import { ROPE_SCALING } from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-scaling';
import { ROPE_SECTIONS } from '../../../../../src/shared/diagnosis/hypotheses/attention/rope-sections';
import { expectNamed, tried, withWrong } from './planted';
import { adjacent, halves, plainAngle, POSITIONS, ropeSite, turned } from './rope-sites';

const NORM = ropeSite({});
const NEOX = ropeSite({ mode: 2 });
const plain = { pair: adjacent, dims: 16, angle: plainAngle(16) };

describe('the planted rotation', () => {
  it('is the reference’s where nothing is planted', () => {
    const { site, x, ne } = NORM;
    const error = Math.max(...turned(x, ne, plain).map((v, i) => Math.abs(v - site.right[i]!)));
    expect(error).toBeLessThan(1e-6);
  });
});

describe('RoPE hypotheses', () => {
  it('NEOX for NORM', async () => {
    const { site, x, ne } = NORM;
    const wrong = turned(x, ne, { ...plain, pair: halves });
    await expectNamed(ROPE_PAIRING, { site, wrong, label: 'NEOX for NORM' });
  });

  it('NORM for NEOX', async () => {
    const { site, x, ne } = NEOX;
    await expectNamed(ROPE_PAIRING, { site, wrong: turned(x, ne, plain), label: 'NORM for NEOX' });
  });

  it('no rotation, the other way round, twice', async () => {
    const { site, x, ne } = NORM;
    await expectNamed(ROPE_SKIPPED, { site, wrong: x });
    const back = turned(x, ne, { ...plain, angle: (i, t) => -plainAngle(16)(i, t, 0) });
    await expectNamed(ROPE_DIRECTION, { site, wrong: back });
    const twice = turned(x, ne, { ...plain, angle: (i, t) => 2 * plainAngle(16)(i, t, 0) });
    await expectNamed(ROPE_TWICE, { site, wrong: twice });
  });

  it.each([
    ['offset +1', (t: number) => POSITIONS[t]! + 1],
    ['offset -2', (t: number) => POSITIONS[t]! - 2],
    ['in reverse order', (t: number) => 31 - POSITIONS[t]!],
    ['that of the last token', () => 31],
  ])('positions: %s', async (label, positionOf) => {
    const { site, x, ne } = NORM;
    const wrong = turned(x, ne, { ...plain, angle: plainAngle(16, 10000, positionOf) });
    await expectNamed(ROPE_POSITION, { site, wrong, label });
  });

  it('positions: from 0 in a decode step', async () => {
    const { site, x, ne } = ropeSite({ positions: [40, 41, 43] });
    const wrong = turned(x, ne, { ...plain, angle: plainAngle(16, 10000, (t) => [0, 1, 3][t]!) });
    await expectNamed(ROPE_POSITION, { site, wrong, label: 'counted from 0' });
  });

  it('positions: the index of the head', async () => {
    const { site, x, ne } = NORM;
    const wrong = turned(x, ne, { ...plain, angle: (i, _, head) => head / 10000 ** (i / 8) });
    await expectNamed(ROPE_POSITION, { site, wrong, label: 'index of the head' });
  });

  it('positions off by a number that has to be found', async () => {
    const { site, x, ne } = NORM;
    const wrong = turned(x, ne, { ...plain, angle: plainAngle(16, 10000, (t) => POSITIONS[t]! + 11) });
    await expectNamed(ROPE_POSITION_OFFSET, { site, wrong, parameters: { offset: 11 } });
  });

  it('another base, likely or not', async () => {
    const { site, x, ne } = NEOX;
    const with500k = turned(x, ne, { pair: halves, dims: 16, angle: plainAngle(16, 500000) });
    await expectNamed(ROPE_BASE, { site, wrong: with500k, parameters: { base: 500000, right: 10000 } });
    const odd = turned(x, ne, { pair: halves, dims: 16, angle: plainAngle(16, 23456) });
    const found = await tried(ROPE_BASE, withWrong(site, odd));
    expect(found.share).toBeGreaterThan(0.999);
    expect(found.parameters['base']).toBeCloseTo(23456, -2);
  });

  it('a lost factor 2 in the exponent', async () => {
    const { site, x, ne } = NORM;
    const wrong = turned(x, ne, { ...plain, angle: (i, t) => POSITIONS[t]! / 10000 ** (i / 16) });
    await expectNamed(ROPE_EXPONENT, { site, wrong, label: '-i/n' });
  });

  it('the base of another kind of layer', async () => {
    const { site, x, ne } = ropeSite({ base: 10000, other: { base: 777777 } });
    const wrong = turned(x, ne, { ...plain, angle: plainAngle(16, 777777) });
    await expectNamed(ROPE_OTHER_LAYER, { site, wrong, parameters: { like: 'other', base: 777777 } });
  });

  it('frequency factors', async () => {
    const factors = [1, 1, 2, 3, 4, 6, 8, 8];
    const { site, x, ne } = ropeSite({ factors });
    await expectNamed(ROPE_FACTORS, { site, wrong: turned(x, ne, plain), label: 'ignored' });
    const multiplied = turned(x, ne, { ...plain, angle: (i, t) => plainAngle(16)(i, t, 0) * factors[i]! });
    await expectNamed(ROPE_FACTORS, { site, wrong: multiplied, label: 'multiplied' });
  });

  it('linear scaling ignored and inverted', async () => {
    const { site, x, ne } = ropeSite({ scale: 0.25 });
    await expectNamed(ROPE_SCALING, { site, wrong: turned(x, ne, plain), label: 'frequency scale ignored' });
    const inverted = turned(x, ne, { ...plain, angle: (i, t) => 4 * plainAngle(16)(i, t, 0) });
    await expectNamed(ROPE_SCALING, { site, wrong: inverted, label: 'frequency scale inverted' });
  });

  it('YaRN without its magnitude, and not at all', async () => {
    const { site, x, ne } = ropeSite({ scale: 0.25, ext: 1, positions: [0, 3, 50, 90, 200] });
    const magnitude = 1 + 0.1 * Math.log(4);
    const unscaled = site.right.map((v) => v / magnitude);
    await expectNamed(ROPE_SCALING, { site, wrong: unscaled, label: 'magnitude missing' });
    const angle = plainAngle(16, 10000, (t) => [0, 3, 50, 90, 200][t]!);
    const none = turned(x, ne, { ...plain, angle });
    await expectNamed(ROPE_SCALING, { site, wrong: none, label: 'YaRN ignored' });
    const linear = turned(x, ne, { ...plain, angle: (i, t) => angle(i, t, 0) / 4, magnitude });
    await expectNamed(ROPE_SCALING, { site, wrong: linear, label: 'ext_factor ignored' });
  });

  it('another frequency scale, to be found', async () => {
    const { site, x, ne } = NORM;
    const wrong = turned(x, ne, { ...plain, angle: (i, t) => plainAngle(16)(i, t, 0) / 8 });
    await expectNamed(ROPE_FREQUENCY_SCALE, { site, wrong, parameters: { freq_scale: 0.125, right: 1 } });
  });

  it('the wrong channels of partial rotation', async () => {
    const { site, x, ne } = ropeSite({ channels: 24, dims: 10, mode: 2 });
    const part = { pair: halves, dims: 10, angle: plainAngle(10) };
    await expectNamed(ROPE_CHANNELS, {
      site,
      wrong: turned(x, ne, { ...part, first: 14 }),
      label: 'the last channels',
      parameters: { firstChannel: 14 },
    });
    const all = turned(x, ne, { pair: halves, dims: 24, angle: plainAngle(24) });
    await expectNamed(ROPE_CHANNELS, { site, wrong: all, label: 'all channels' });
    const fast = turned(x, ne, { ...part, angle: plainAngle(24) });
    await expectNamed(ROPE_EXPONENT, { site, wrong: fast, label: '-2i/head size' });
  });

  it('half of the channels where all are to turn', async () => {
    const { site, x, ne } = NORM;
    const wrong = turned(x, ne, { pair: adjacent, dims: 8, angle: plainAngle(8) });
    // pairs of such low frequencies hardly turn here, so a doubled exponent does nearly the same
    await expectNamed(ROPE_CHANNELS, { site, wrong, label: 'half of them', synonyms: ['rope-exponent'] });
  });

  it('only the first heads', async () => {
    const { site, x, ne } = ropeSite({ heads: 5 });
    const wrong = turned(x, ne, { ...plain, angle: (i, t, head) => (head < 2 ? plainAngle(16)(i, t, 0) : 0) });
    await expectNamed(ROPE_HEADS, { site, wrong, parameters: { rotatedHeads: 2, right: 5 } });
  });

  it('angles in bf16', async () => {
    const positions = [0, 303, 999, 2047];
    const { site, x, ne } = ropeSite({ positions });
    const bf16 = (v: number): number => {
      const step = 2 ** (Math.floor(Math.log2(v)) - 7);
      return v === 0 ? 0 : Math.round(v / step) * step;
    };
    const wrong = turned(x, ne, { ...plain, angle: (i, t) => bf16(positions[t]!) / 10000 ** (i / 8) });
    await expectNamed(ROPE_PRECISION, { site, wrong, label: 'positions in bf16' });
  });

  it('sections of M-RoPE', async () => {
    const tokens = 4;
    const position = [
      [0, 1, 2, 3],
      [0, 4, 9, 2],
      [0, 7, 1, 12],
      [0, 0, 0, 0],
    ] as const;
    const { site, x, ne } = ropeSite({ mode: 8, sections: [3, 3, 2, 0], positions: position.flat() });
    expect(ne[2]).toBe(tokens);
    const componentOf = (i: number): number => (i < 3 ? 0 : i < 6 ? 1 : 2);
    const with_ = (component: (i: number) => number): Float32Array =>
      turned(x, ne, { pair: halves, dims: 16, angle: (i, t) => position[component(i)]![t]! / 10000 ** (i / 8) });
    expect(with_(componentOf)[40]).toBeCloseTo(site.right[40]!, 5);
    await expectNamed(ROPE_SECTIONS, { site, wrong: with_(() => 0), label: 'time for all' });
    const swapped = with_((i) => [0, 2, 1][componentOf(i)]!);
    await expectNamed(ROPE_SECTIONS, { site, wrong: swapped, label: 'height and width swapped' });
    const interleaved = with_((i) => (i < 8 ? i % 3 : 0));
    await expectNamed(ROPE_SECTIONS, { site, wrong: interleaved, label: 'interleaved' });
  });

  it('half-split channels where interleaved ones are to be, before and after', async () => {
    const { site, x, ne } = NORM;
    const shuffled = (values: Float32Array): Float32Array =>
      values.map((_, i) => values[i - (i % 16) + ((i % 16) % 8) * 2 + Math.floor((i % 16) / 8)]!);
    const before = turned(shuffled(x), ne, plain);
    await expectNamed(HEAD_LAYOUT, { site, wrong: before, label: 'half-split for interleaved, before RoPE' });
    const after = shuffled(turned(x, ne, plain));
    await expectNamed(HEAD_LAYOUT, { site, wrong: after, label: 'half-split for interleaved, after RoPE' });
  });

  it('heads cut with the head as the fastest index', async () => {
    const { site, x, ne } = NORM;
    const cut = x.map((_, i) => x[i - (i % 48) + Math.floor((i % 48) / 16) + 3 * (i % 16)]!);
    const wrong = turned(cut, ne, plain);
    await expectNamed(HEAD_ORDER, { site, wrong, label: 'cut with the head as the fastest index' });
  });
});
