import { describe, expect, it } from 'vitest';
import {
  headline,
  inputText,
  onlyDecodeIsWrong,
  stepText,
  stepTokens,
} from '../../src/renderer/ui/verdict/verdict-text';
import type { StepVerdict, Verdict } from '../../src/shared/divergence/verdict';
import { sampleBad, sampleCause, sampleRounded, sampleStep, sampleVerdict } from './sample-verdict';

const step = sampleStep;
const bad = (at: number, layer: number | null) => sampleBad({ step: at, layer });

function verdict(firstBad: Verdict['firstBad'], steps: readonly StepVerdict[]): Verdict {
  return sampleVerdict({ firstBad, steps });
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

describe('headline where nodes round', () => {
  const rounded = [sampleRounded('kq-0'), sampleRounded('kq-1')];

  it('says how many, and that they count where they do', () => {
    expect(headline(sampleVerdict({ rounded }))).toBe(
      'All 4 nodes compute what correct engines compute; 2 of them round',
    );
    expect(headline(sampleVerdict({ rounded, verdict: 'diverged', strict: true }))).toBe(
      'Nothing is wrong, but 2 nodes round, and rounding counts (strict)',
    );
    expect(headline(sampleVerdict({ rounded, firstBad: sampleBad() }))).toBe('First bad: layer 3, ffn_out-3');
  });
});

describe('headline without a bad node', () => {
  const diverged = { verdict: 'diverged' } as const;

  it('says what the checks found', () => {
    const cause = sampleCause({ title: 'the first token stands twice', nodes: [] });
    expect(headline(sampleVerdict({ ...diverged, cause }))).toBe('The first token stands twice');
    const observation = {
      id: 'run-to-run',
      title: 'Run to run',
      state: 'different',
      text: 'two runs differ',
      node: null,
    } as const;
    expect(headline(sampleVerdict({ ...diverged, observations: [observation] }))).toBe('Two runs differ');
    expect(headline(sampleVerdict(diverged))).toBe('The results differ');
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
