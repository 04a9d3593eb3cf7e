import { describe, expect, it } from 'vitest';
import { luminance, RAMPS, rampColour, scalePosition, shadeOf } from '../../src/renderer/ui/timeline/colour-scale';
import { severity } from '../../src/renderer/ui/timeline/scene';
import { measured, missing } from './node-rows';

describe('scalePosition', () => {
  it('is logarithmic and clamped', () => {
    expect(scalePosition(0)).toBe(0);
    expect(scalePosition(1e-30)).toBe(0);
    expect(scalePosition(1e-3)).toBeCloseTo(0.5);
    expect(scalePosition(1)).toBe(1);
    expect(scalePosition(Infinity)).toBe(1);
  });
});

describe('ramps', () => {
  // Read without hue: lightness alone must order the errors.
  it.each([
    ['dark', 1],
    ['light', -1],
  ] as const)('lightness on %s ground goes one way', (theme, direction) => {
    let last = direction > 0 ? -1 : 2;
    for (let i = 0; i <= 60; i++) {
      const now = luminance(rampColour(RAMPS[theme], i / 60));
      expect((now - last) * direction).toBeGreaterThan(0);
      last = now;
    }
  });
});

describe('shadeOf', () => {
  it('keeps reference, equal, error, non-finite and not measured apart', () => {
    expect(shadeOf(measured()).kind).toBe('reference');
    expect(shadeOf(measured(0)).kind).toBe('equal');
    expect(shadeOf(measured(1e-5))).toEqual({ kind: 'error', nmse: 1e-5 });
    expect(shadeOf(measured(Infinity)).kind).toBe('non-finite');
    expect(shadeOf(measured(NaN)).kind).toBe('non-finite');
    expect(shadeOf(missing)).toEqual({ kind: 'not-measured', reason: 'not measured: SSM_SCAN' });
    expect(shadeOf(undefined).kind).toBe('not-measured');
  });

  it('shows the worst of several nodes on one pixel', () => {
    const shades = [measured(1e-9), measured(Infinity), missing, measured(0.5), measured(0)].map(shadeOf);
    const worstFirst = [...shades].sort((a, b) => severity(b) - severity(a)).map((s) => s.kind);
    expect(worstFirst).toEqual(['non-finite', 'error', 'error', 'equal', 'not-measured']);
  });
});
