import { describe, expect, it } from 'vitest';
import {
  headline,
  inputText,
  onlyDecodeIsWrong,
  stepText,
  stepTokens,
} from '../../src/renderer/ui/components/verdict-text';
import type { BadNode, StepVerdict, Verdict, VerdictKind } from '../../src/shared/divergence/verdict';

function step(index: number, verdict: VerdictKind, tokens: readonly number[], next: number): StepVerdict {
  const top = { token: next, text: ` t${next}`, logit: 1 };
  const logits = { reference: top, candidate: top, kld: 0, sameTop: true, gap: 1 };
  return { step: index, tokens, verdict, firstBad: null, compared: 1, logits };
}

function bad(at: number, layer: number | null): BadNode {
  return {
    step: at,
    layer,
    node: layer === null ? 'result_output' : `ffn_out-${layer}`,
    op: 'MUL_MAT',
    tensor: null,
    localNmse: 1,
    noiseFloor: 1e-5,
    worst: { index: [0, 0, 0, 0], reference: 0, candidate: 1 },
    block: null,
    stretch: [],
    writes: [],
    why: '',
    cause: null,
    shape: null,
    weight: null,
    tried: 0,
    untried: 0,
  };
}

function verdict(firstBad: BadNode | null, steps: readonly StepVerdict[]): Verdict {
  return {
    schema: 'quarrel.verdict/1',
    model: '/m.gguf',
    tokens: [1, 2],
    reference: 'llama',
    candidate: 'webgpu',
    verdict: firstBad ? 'diverged' : 'clean',
    reason: null,
    firstBad,
    allBad: firstBad ? [firstBad] : [],
    cause: null,
    nonFinite: null,
    logits: { reference: null, candidate: null, kld: null, sameTop: null, gap: null },
    expectation: null,
    notMeasured: [],
    nearest: null,
    compared: 4,
    alignment: [],
    preflight: [],
    observations: [],
    profile: [],
    runs: null,
    steps,
  };
}

const prompt = step(0, 'clean', [1, 2], 7);
const first = step(1, 'clean', [7], 8);
const second = step(2, 'diverged', [8], 9);

describe('headline', () => {
  it('says nothing of steps where there is only the prompt', () => {
    expect(headline(verdict(bad(0, 3), [prompt]))).toBe('First bad: layer 3, ffn_out-3');
    expect(headline(verdict(null, [prompt]))).toBe('All 4 nodes compute what correct engines compute');
  });

  it('says the step otherwise, the prompt too', () => {
    const steps = [prompt, first, second];
    expect(headline(verdict(bad(2, 3), steps))).toBe('First bad: decode step 2, layer 3, ffn_out-3');
    expect(headline(verdict(bad(0, null), steps))).toBe('First bad: prompt, outside layers, result_output');
  });
});

describe('onlyDecodeIsWrong', () => {
  it('needs a prompt that was judged right and a bad node after it', () => {
    expect(onlyDecodeIsWrong(verdict(bad(2, 3), [prompt, first, second]))).toBe(true);
    expect(onlyDecodeIsWrong(verdict(bad(0, 3), [step(0, 'diverged', [1, 2], 7), first]))).toBe(false);
    expect(onlyDecodeIsWrong(verdict(bad(2, 3), [step(0, 'incomparable', [1, 2], 7), first, second]))).toBe(false);
    expect(onlyDecodeIsWrong(verdict(null, [prompt, first]))).toBe(false);
  });
});

describe('tokens of steps', () => {
  it('counts what was judged', () => {
    expect(inputText(verdict(null, [prompt]))).toBe('2 tokens');
    expect(inputText(verdict(null, [prompt, first]))).toBe('2 tokens and 1 decode step');
    expect(inputText({ ...verdict(null, [prompt, first, second]), tokens: [1] })).toBe('1 token and 2 decode steps');
  });

  it('takes a decoded token’s text from the step that chose it', () => {
    const steps = [prompt, first, second];
    expect(steps.map((s) => stepTokens(steps, s))).toEqual(['2 tokens', '" t7"', '" t8"']);
    expect(stepTokens(steps, step(1, 'clean', [99], 8))).toBe('#99');
    expect([0, 3].map(stepText)).toEqual(['prompt', 'decode step 3']);
  });
});
