import { describe, expect, it } from 'vitest';

import { CONFORMANCE_MAX_NMSE, MARGIN } from '../../../src/shared/compare/tolerance';
import type { ModelConformance, PerLane, StepEnds } from '../../../src/shared/divergence/conformance';
import { conformanceReport, ConformanceTally, isAstray, worstOp } from '../../../src/shared/divergence/conformance';
import type { Examination, JudgedNode } from '../../../src/shared/divergence/examine';
import type { GgmlOp } from '../../../src/shared/graph/ggml-op';
import { tensorOf } from '../../../src/shared/graph/graph';
import { GraphBuilder } from '../ops/graph-builder';

const about = { file: 'm.gguf', tokens: [1, 2, 3], stepsAsked: 0, seconds: 1.5 };

function judged(key: string, op: GgmlOp, floors: number, more: Partial<JudgedNode> = {}): JudgedNode {
  const g = new GraphBuilder();
  const node = tensorOf(g.build(), g.node(key, op, [4, 1, 1, 1], []));
  const worst = { index: [0, 0, 0, 0], reference: 1, candidate: 2 } as const;
  const bad = floors > MARGIN.node;
  const judgement = {
    bad,
    localNmse: floors * 1e-11,
    noiseFloor: 1e-11,
    worst,
    nonFinite: undefined,
    why: 'it is off',
  };
  return { node, judgement, stretch: [], writes: [], ...more };
}

const examined = (...nodes: readonly JudgedNode[]): Examination => ({
  judged: nodes,
  notMeasured: [],
  arithmetics: ['exact'],
});

function step(nmse: Partial<PerLane>, more: Partial<StepEnds> = {}): StepEnds {
  const known = { nmse: { reference: null, webgpu: null, ...nmse }, rounding: null, alongChoices: null };
  return { step: 0, tokens: [1, 2, 3], ...known, ...more };
}

/** A model whose nodes are right, after these steps. */
function after(...steps: readonly StepEnds[]): ModelConformance {
  const tally = new ConformanceTally();
  for (const s of steps) tally.addStep(s);
  tally.addNodes('webgpu', 0, examined(judged('a-0', 'ADD', 0.1)));
  return tally.result(about);
}

describe('the end of a free run', () => {
  it('may be as far from llama.cpp as the limit, not further', () => {
    const at = (nmse: number): ModelConformance => after(step({ reference: nmse, webgpu: 0 }));
    expect([at(0), at(CONFORMANCE_MAX_NMSE)].map((m) => [m.ok, m.problems])).toEqual([
      [true, []],
      [true, []],
    ]);
    expect(at(6e-4)).toMatchObject({
      ok: false,
      problems: ['reference ends 6.0e-4 NMSE from llama.cpp (limit 5.0e-4)'],
    });
  });

  it('may go astray where it comes back along llama.cpp’s own choices', () => {
    const along = (nmse: number): ModelConformance => {
      const end = { nmse: { reference: nmse, webgpu: null }, rounding: 1e-5 };
      return after(step({ reference: 0.2 }, { rounding: 1e-5, alongChoices: end }));
    };
    expect(along(3e-4)).toMatchObject({ ok: true, nmse: { reference: 0.2 } });
    expect(along(6e-4).problems).toEqual([
      'reference ends 2.0e-1 NMSE from llama.cpp, 6.0e-4 along its own choices (limit 5.0e-4)',
    ]);
    const astray = (reference: number): boolean => isAstray(step({ reference }));
    expect([4e-4, 6e-4, NaN].map(astray)).toEqual([false, true, true]);
  });

  it('is wrong where it is not finite', () => {
    for (const webgpu of [NaN, Infinity]) {
      const m = after(step({ webgpu }));
      expect(m.ok).toBe(false);
      expect(m.problems).toEqual([`webgpu ends ${webgpu} NMSE from llama.cpp (limit 5.0e-4)`]);
    }
  });

  it("may be further where llama.cpp's own rounding adds up to more, by the margin", () => {
    const rounding = 0.01;
    const limit = MARGIN.node * rounding;
    expect(after(step({ webgpu: limit }, { rounding })).ok).toBe(true);
    const beyond = after(step({ webgpu: 1.1 * limit }, { rounding }));
    expect(beyond.problems).toEqual(['webgpu ends 5.5e-2 NMSE from llama.cpp (limit 5.0e-2)']);
    expect(beyond.ok).toBe(false);
  });

  it('is not excused where that rounding cannot be measured', () => {
    for (const rounding of [Infinity, NaN, null]) {
      expect(after(step({ webgpu: 1 }, { rounding })).problems).toEqual([
        'webgpu ends 1.0e+0 NMSE from llama.cpp (limit 5.0e-4)',
      ]);
    }
  });

  it('has the limit of its own step', () => {
    const m = after(step({ webgpu: 1e-3 }, { rounding: 1e-2 }), step({ webgpu: 1e-3 }, { step: 1, rounding: 1e-9 }));
    expect(m.problems).toEqual(['webgpu ends 1.0e-3 NMSE from llama.cpp (limit 5.0e-4), step 1']);
    expect(after(step({ webgpu: 1e-3 }, { rounding: 1e-5 })).ok).toBe(false);
    expect(m.steps.map((s) => s.limit)).toEqual([MARGIN.node * 1e-2, CONFORMANCE_MAX_NMSE]);
    const along = { nmse: { reference: 0, webgpu: 0 }, rounding: 1e-2 };
    const astray = after(step({ webgpu: 0.2 }, { rounding: 1, alongChoices: along }));
    expect(astray.steps.map((s) => s.limit)).toEqual([MARGIN.node * 1e-2]);
  });

  it('is not asked for where a lane did not run', () => {
    expect(after(step({}))).toMatchObject({ ok: true, nmse: { reference: null, webgpu: null }, rounding: null });
  });

  it('names both lanes when both are off', () => {
    const m = after(step({ reference: 1, webgpu: 2 }, { step: 2 }));
    expect(m.problems).toEqual([
      'reference ends 1.0e+0 NMSE from llama.cpp (limit 5.0e-4), step 2',
      'webgpu ends 2.0e+0 NMSE from llama.cpp (limit 5.0e-4), step 2',
    ]);
  });

  it('is summed up by the worst step', () => {
    const m = after(
      step({ reference: 1e-5, webgpu: 3e-5 }, { rounding: 1e-6 }),
      step({ reference: 2e-5 }, { step: 1, rounding: 3e-6 }),
      step({ reference: 0, webgpu: 1e-5 }, { step: 2 }),
    );
    expect(m).toMatchObject({ ok: true, nmse: { reference: 2e-5, webgpu: 3e-5 }, rounding: 3e-6, captured: true });
    expect(m.steps.map((s) => s.step)).toEqual([0, 1, 2]);
  });
});

describe('judged nodes', () => {
  it('are counted, and their worst error kept by op and lane', () => {
    const tally = new ConformanceTally();
    tally.addStep(step({}));
    tally.addNodes('webgpu', 0, examined(judged('a-0', 'ADD', 0.5), judged('b-0', 'ADD', 2), judged('c-0', 'MUL', 1)));
    tally.addNodes('webgpu', 1, examined(judged('a-0', 'ADD', 1)));
    const m = tally.result(about);
    expect(m).toMatchObject({ ...about, ok: true, compared: 4 });
    expect(m.ops).toEqual({
      ADD: { nodes: 3, reference: null, webgpu: expect.closeTo(2, 9) as number },
      MUL: { nodes: 1, reference: null, webgpu: expect.closeTo(1, 9) as number },
    });
  });

  it('show beside the kernel how far llama.cpp is from the correct ways', () => {
    const tally = new ConformanceTally();
    const nodes = [judged('a-0', 'ADD', 2, { goldenFloors: 0.25 }), judged('b-0', 'ADD', 1, { goldenFloors: 0.5 })];
    tally.addNodes('webgpu', 0, examined(...nodes));
    expect(tally.result(about).ops.ADD).toEqual({ nodes: 2, reference: 0.5, webgpu: expect.closeTo(2, 9) as number });
    const alone = new ConformanceTally();
    alone.addNodes('reference', 0, examined(judged('a-0', 'ADD', 3)));
    expect(alone.result(about).ops.ADD).toEqual({ nodes: 1, reference: expect.closeTo(3, 9) as number, webgpu: null });
  });

  it('fail the model where one is wrong, which is named with its step', () => {
    const tally = new ConformanceTally();
    tally.addStep(step({ webgpu: 0 }));
    tally.addNodes('webgpu', 0, examined(judged('ffn_out-3', 'MUL', 6)));
    tally.addNodes('webgpu', 2, examined(judged('kq-1', 'MUL_MAT', 7), judged('fine', 'ADD', 1)));
    expect(tally.result(about)).toMatchObject({
      ok: false,
      compared: 3,
      problems: ['webgpu: ffn_out-3 (MUL) is wrong: it is off', 'webgpu: kq-1 (MUL_MAT) is wrong: it is off, step 2'],
    });
  });
});

describe('nodes that were not measured', () => {
  it('fail the model and are listed, but not counted as compared', () => {
    const tally = new ConformanceTally();
    tally.addStep(step({ webgpu: 0 }));
    const entry = { node: 'x-0', op: 'SSM_SCAN', reason: 'not measured: SSM_SCAN' };
    tally.addNodes('webgpu', 0, { judged: [judged('a-0', 'ADD', 1)], notMeasured: [entry], arithmetics: ['exact'] });
    tally.addNodes('webgpu', 1, { judged: [], notMeasured: [entry], arithmetics: ['exact'] });
    expect(tally.result(about)).toMatchObject({
      ok: false,
      compared: 1,
      notMeasured: [entry, entry],
      problems: ['x-0 (SSM_SCAN): not measured: SSM_SCAN', 'x-0 (SSM_SCAN): not measured: SSM_SCAN, step 1'],
    });
  });
});

describe('a model of which nothing was compared', () => {
  it('did not pass', () => {
    const tally = new ConformanceTally();
    expect(tally.result(about)).toMatchObject({ ok: false, captured: false, problems: ['no node was compared'] });
    tally.addStep(step({ webgpu: 0 }));
    expect(tally.result(about)).toMatchObject({ ok: false, captured: true, problems: ['no node was compared'] });
  });

  it('says what went wrong instead, where that is known', () => {
    const tally = new ConformanceTally();
    tally.addFailure('llama.cpp cannot load it');
    expect(tally.result(about)).toMatchObject({ ok: false, captured: false, problems: ['llama.cpp cannot load it'] });
  });

  it('fails also when it stopped midway with all that was compared right', () => {
    const tally = new ConformanceTally();
    tally.addStep(step({ webgpu: 0 }));
    tally.addNodes('webgpu', 0, examined(judged('a-0', 'ADD', 1)));
    tally.addFailure('the device was lost');
    expect(tally.result(about)).toMatchObject({ ok: false, compared: 1, problems: ['the device was lost'] });
  });
});

describe('conformanceReport', () => {
  it('counts who passed and who failed', () => {
    const models = [after(step({ webgpu: 0 })), after(step({ webgpu: 1 })), after(step({ reference: 0 }))];
    expect(conformanceReport(models)).toEqual({ schema: 'quarrel.conformance/1', models, passed: 2, failed: 1 });
    expect(conformanceReport([])).toMatchObject({ passed: 0, failed: 0 });
  });
});

describe('worstOp', () => {
  const tally = new ConformanceTally();
  tally.addNodes('webgpu', 0, examined(judged('a-0', 'ADD', 1), judged('b-0', 'MUL', 3, { goldenFloors: 0.1 })));
  tally.addNodes('webgpu', 0, examined(judged('c-0', 'SCALE', 2)));
  const model = tally.result(about);

  it('is the one nearest to its limit on that lane', () => {
    expect(worstOp(model, 'webgpu')).toEqual({ kind: 'MUL', floors: expect.closeTo(3, 9) as number });
    expect(worstOp(model, 'reference')).toEqual({ kind: 'MUL', floors: 0.1 });
  });

  it('is undefined where no op was judged on it', () => {
    expect(worstOp(new ConformanceTally().result(about), 'webgpu')).toBeUndefined();
    expect(worstOp(after(step({})), 'reference')).toBeUndefined();
  });
});
