import { describe, expect, it } from 'vitest';
import { declaredPrecision } from '../../../src/shared/trace/declared-precision';

describe('what a dump declares of its arithmetic', () => {
  it('reads both in either case', () => {
    expect(declaredPrecision({ accumulation: 'f16', activations: 'BF16' }, 'd')).toEqual({
      accumulation: 'F16',
      activations: 'BF16',
    });
    expect(declaredPrecision({ engine: 'x' }, 'd')).toEqual({});
  });

  it('says what was found and what is expected', () => {
    expect(() => declaredPrecision({ accumulation: 'f8' }, 'dump.safetensors')).toThrow(
      'dump.safetensors: __metadata__.accumulation is "f8"; F32, F16 expected',
    );
  });
});
