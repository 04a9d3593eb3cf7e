import { describe, expect, it } from 'vitest';
import { holdsStep, keyInStep } from '../../src/renderer/ui/stores/run-steps';
import { stepCells, stepTitle } from '../../src/renderer/ui/timeline/step-cells';
import { anySubstituted, substitutedText } from '../../src/renderer/ui/timeline/substituted';
import type { LaneCheckpoint, RunSummary, TokenLogit } from '../../src/shared/compare/comparison';
import type { StepVerdict } from '../../src/shared/divergence/verdict';
import { measured, missing, nodeRow, run } from './node-rows';

const LANES = ['llama', 'reference', 'webgpu'];

/** The same run after a lane's best token was set. */
function saying(summary: RunSummary, ...tops: (TokenLogit | undefined)[]): RunSummary {
  return { ...summary, lanes: summary.lanes.map((lane, i) => ({ ...lane, top: tops[i] ? [tops[i]] : [] })) };
}

function token(id: number, text?: string): TokenLogit {
  return { token: id, text, logit: 1 };
}

function withTokens(summary: RunSummary, tokens: readonly number[], pieces: readonly string[] = []): RunSummary {
  return { ...summary, tokens, pieces };
}

describe('stepCells', () => {
  const prompt = run(LANES, [nodeRow('a', 0, measured(), measured(1e-5), measured(1e-4))]);
  const decode = run(
    LANES,
    [
      nodeRow('a', 0, measured(), measured(1e-5), measured(1e-3)),
      nodeRow('b', 1, measured(), measured(1e-5), measured(0.4)),
    ],
    1,
  );

  it('names each step by its token and colours it by its worst checkpoint', () => {
    const cells = stepCells([prompt, withTokens(decode, [7], [' Paris'])]);
    expect(cells.map((c) => c.label)).toEqual(['prompt', '" Paris"']);
    expect(cells.map((c) => c.shade)).toEqual([
      { kind: 'error', nmse: 1e-4 },
      { kind: 'error', nmse: 0.4 },
    ]);
    expect(cells[1]?.worst).toMatchObject({ key: 'b', lane: 2 });
  });

  it('names a token without text by its id', () => {
    expect(stepCells([withTokens(decode, [7])])[0]?.label).toBe('#7');
  });

  it('puts values that are not finite above every error', () => {
    const broken = run(LANES, [nodeRow('a', 0, measured(), measured(Infinity), measured(0.9))]);
    expect(stepCells([broken])[0]).toMatchObject({ shade: { kind: 'non-finite' }, worst: { key: 'a', lane: 1 } });
  });

  it('never calls a step equal that was not measured', () => {
    const nothing = run(LANES, [nodeRow('a', 0, measured(), missing, missing)]);
    expect(stepCells([nothing])[0]).toMatchObject({ shade: { kind: 'not-measured' }, worst: undefined });
    const alone = run(['llama'], [nodeRow('a', 0, measured())]);
    expect(stepCells([alone])[0]?.shade.kind).toBe('reference');
  });

  it('marks where next tokens differ; a lane without logits says nothing else', () => {
    const cells = stepCells([
      saying(prompt, token(7), token(7), undefined),
      saying(decode, token(7), token(7), token(8)),
      saying(decode, undefined, token(7), token(8)),
    ]);
    expect(cells.map((c) => c.differs)).toEqual([false, true, false]);
    expect(cells[1]?.next.map((n) => n.differs)).toEqual([false, false, true]);
  });

  it('says step numbers in words', () => {
    expect([0, 2].map(stepTitle)).toEqual(['Prompt', 'Decode step 2']);
  });
});

describe('keyInStep', () => {
  const prompt = run(LANES, [nodeRow('embd', undefined), nodeRow('q-0', 0), nodeRow('q-1', 1), nodeRow('x-1', 1)]);
  const decode = run(LANES, [nodeRow('embd', undefined), nodeRow('q-0', 0), nodeRow('q-1', 1)], 1);

  it('keeps the node where the step has it', () => {
    expect(keyInStep(prompt, decode, 'q-0')).toBe('q-0');
  });

  it('else goes to its layer, else to the start', () => {
    expect(keyInStep(prompt, decode, 'x-1')).toBe('q-1');
    expect(keyInStep(prompt, decode, 'gone')).toBe('embd');
    expect(keyInStep(undefined, decode, undefined)).toBe('embd');
    expect(keyInStep(prompt, run(LANES, []), 'q-0')).toBeUndefined();
  });
});

describe('holdsStep', () => {
  const step = (index: number, ...tokens: number[]): StepVerdict => {
    const logits = {
      reference: null,
      candidate: null,
      kld: null,
      sameTop: null,
      notNumbers: { reference: null, candidate: null, of: 0 },
      gap: null,
    };
    return { step: index, tokens, verdict: 'clean', firstBad: null, compared: 1, logits };
  };
  const verdict = { candidate: 'webgpu', steps: [step(0, 1, 2), step(1, 3), step(2, 4)] };
  const prompt = withTokens(run(LANES, []), [1, 2]);
  const first = withTokens(run(LANES, [], 1), [3]);

  it('wants the candidate and the same tokens up to the step', () => {
    expect(holdsStep([prompt, first], verdict, 0)).toBe(true);
    expect(holdsStep([prompt, first], verdict, 1)).toBe(true);
    expect(holdsStep([prompt, first], verdict, 2)).toBe(false);
    expect(holdsStep([prompt, withTokens(first, [9])], verdict, 1)).toBe(false);
    expect(holdsStep([withTokens(prompt, [1]), first], verdict, 1)).toBe(false);
    expect(holdsStep([], verdict, 0)).toBe(false);
    expect(holdsStep([prompt, first], { ...verdict, candidate: 'trace:/x' }, 0)).toBe(false);
  });

  it('has no use for a lane that failed at the step', () => {
    const failed = { ...first, lanes: first.lanes.map((lane) => ({ ...lane, error: 'lost' })) };
    expect(holdsStep([prompt, failed], verdict, 0)).toBe(true);
    expect(holdsStep([prompt, failed], verdict, 1)).toBe(false);
  });
});

describe('substituted values', () => {
  const on = (...substituted: string[]): LaneCheckpoint => {
    const checkpoint = measured(1e-4);
    return checkpoint.status === 'measured' ? { ...checkpoint, substituted } : checkpoint;
  };

  it('names the nodes whose captured values stand in', () => {
    expect(substitutedText(on('scan-0'))).toBe('llama.cpp’s value of scan-0');
    expect(substitutedText(on('a', 'b', 'c'))).toBe('llama.cpp’s values of a, b and c');
  });

  it('says nothing of nodes that run on their own lane’s values, or were not measured', () => {
    for (const checkpoint of [on(), measured(1e-4), missing, undefined]) {
      expect(substitutedText(checkpoint)).toBeUndefined();
    }
    expect(anySubstituted([nodeRow('a', 0, measured(), missing)])).toBe(false);
    expect(anySubstituted([nodeRow('a', 0, measured(), missing), nodeRow('b', 0, measured(), on('a'))])).toBe(true);
  });
});
