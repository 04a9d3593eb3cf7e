import { describe, expect, it } from 'vitest';

import type { FormErrors } from '../../../src/shared/divergence/function-form';
import { chooseForm } from '../../../src/shared/divergence/function-form';
import type { GeluForm } from '../../../src/shared/graph/gelu-forms';
import { geluFormOf, geluNodes, withGeluForm } from '../../../src/shared/graph/gelu-forms';
import { GraphBuilder } from '../ops/graph-builder';

function errors(form: GeluForm, ...values: readonly number[]): FormErrors {
  return { form, errors: new Map(values.map((v, i) => [`ffn_gelu-${i}`, v])) };
}

describe('chooseForm', () => {
  it('keeps the graph’s form where it is nearest, or where rounding hides which one is', () => {
    const tanh = errors('tanh', 1e-14, 2e-14);
    expect(chooseForm(tanh, [errors('erf', 5e-7, 4e-7), errors('quick', 1e-4, 1e-4)])).toEqual({
      form: 'tanh',
      odd: new Map(),
    });
    expect(chooseForm(errors('tanh', 3e-5), [errors('erf', 2.5e-5)]).form).toBe('tanh');
  });

  it('takes another that is nearer somewhere and nowhere further, the nearest of them', () => {
    const own = errors('tanh', 5e-7, 1e-5);
    expect(chooseForm(own, [errors('quick', 5e-8, 1e-5), errors('erf', 1e-14, 1e-5)]).form).toBe('erf');
    expect(chooseForm(errors('erf', 1e-4), [errors('tanh', 1e-5), errors('quick', 1e-13)]).form).toBe('quick');
  });

  it('names the nodes of another form where the rest has the graph’s: that is no convention', () => {
    const { form, odd } = chooseForm(errors('tanh', 1e-14, 5e-7), [errors('erf', 5e-7, 1e-14)]);
    expect(form).toBe('tanh');
    expect([...odd]).toEqual([['ffn_gelu-1', 'erf']]);
  });
});

describe('withGeluForm', () => {
  it('changes the function, alone and gated, where it has the form, and nothing else', () => {
    const b = new GraphBuilder();
    const x = b.leaf('input', 'x', [4, 1, 1, 1]);
    b.node('alone', 'UNARY', [4, 1, 1, 1], [x], { kind: 'GELU', params: [8] });
    b.node('gated', 'GLU', [2, 1, 1, 1], [x], { kind: 'GEGLU', params: [1, 1] });
    b.node('silu', 'UNARY', [4, 1, 1, 1], [x], { kind: 'SILU', params: [10] });
    b.node('quick', 'UNARY', [4, 1, 1, 1], [x], { kind: 'GELU_QUICK', params: [9] });
    const graph = b.build();
    expect(geluNodes(graph, 'tanh').map((t) => t.key)).toEqual(['alone', 'gated']);
    const other = withGeluForm(graph, 'tanh', 'erf').tensors.map((t) => [t.kind, t.opParams]);
    expect(other.slice(1)).toEqual([
      ['GELU_ERF', [16]],
      ['GEGLU_ERF', [4, 1]],
      ['SILU', [10]],
      ['GELU_QUICK', [9]],
    ]);
    expect(geluFormOf('SWIGLU')).toBeUndefined();
  });
});
