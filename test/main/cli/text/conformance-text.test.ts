import { describe, expect, it } from 'vitest';

import { conformanceText, modelLine } from '../../../../src/main/cli/text/conformance-text';
import type { ModelConformance } from '../../../../src/shared/divergence/conformance';
import { conformanceReport, ConformanceTally } from '../../../../src/shared/divergence/conformance';

/** A model that took `ran` of the steps it was asked for. */
function model(ran: number, stepsAsked: number): ModelConformance {
  const tally = new ConformanceTally();
  const nmse = { reference: 1e-6, webgpu: 1e-6 };
  for (let step = 0; step <= ran; step++)
    tally.addStep({ step, tokens: [1], nmse, rounding: null, alongChoices: null });
  return tally.result({ file: 'm.gguf', tokens: [1], stepsAsked, seconds: 1 });
}

describe('decode steps in the text of conformance', () => {
  it.each([
    [2, 2, ', 2 steps;', / 2 /],
    [0, 2, ', 0 of 2 steps;', / 0 of 2 /],
  ])('%i of %i', (ran, asked, inLine, inTable) => {
    expect(modelLine(model(ran, asked))).toContain(inLine);
    expect(conformanceText(conformanceReport([model(ran, asked)]))).toMatch(inTable);
  });

  it('none were asked for: none are spoken of', () => {
    expect(modelLine(model(0, 0))).not.toContain('steps');
  });
});
