import { describe, expect, it } from 'vitest';
import { demoText } from '../../../../src/main/cli/text/demo-text';
import type { DemoReport, LaneSaid } from '../../../../src/main/jobs/demo';
import { sampleVerdict } from '../../../renderer/sample-verdict';

const said = (lane: string, model: LaneSaid['model'], ...words: string[]): LaneSaid => ({
  lane,
  model,
  says: words.map((text) => ({ token: text.length, text, logit: 1 })),
});

/** Lanes that say these words after the prompt: llama.cpp, the planted kernels on both files. */
function report(words: { readonly quantized: string; readonly f16: string }, found = true): DemoReport {
  return {
    schema: 'quarrel.demo/1',
    prompt: 'Where?',
    bug: {
      id: 'some-bug',
      name: 'Some bug',
      title: 'what is wrong',
      story: 'how it came about',
      part: 'weights',
      lane: 'webgpu@some-bug',
      steps: 0,
      expected: { node: 'Qcur-0#0', step: 0, cause: 'code-order' },
    },
    right: [said('llama', 'Q4_K_M', 'here')],
    planted: [said('webgpu@some-bug', 'Q4_K_M', words.quantized), said('webgpu@some-bug', 'F16', words.f16)],
    layers: [{ layer: 0, node: 'l_out-0', right: null, planted: null }],
    verdict: sampleVerdict(),
    found,
    files: {
      traces: { llama: 'my demo/llama.safetensors', webgpu: 'w', planted: 'p.safetensors' },
      report: 'my demo/verdict.html',
      repro: null,
    },
  };
}

const QUANTIZED_ONLY = 'The F16 file is still right with these kernels: quantized weights are read wrongly.';
const STILL_RIGHT = 'The answer is still right; the numbers are not.';

describe('the demo as text', () => {
  it.each([
    ['there', 'here', [QUANTIZED_ONLY]],
    ['here', 'here', [STILL_RIGHT]],
    ['there', 'nowhere', []],
  ])('says what the answers %j and, in F16, %j tell', (quantized, f16, remarks) => {
    const text = demoText(report({ quantized, f16 }), 1);
    expect([QUANTIZED_ONLY, STILL_RIGHT].filter((remark) => text.includes(remark))).toEqual(remarks);
  });

  it('quotes paths for the shell, and names no repro where there is none', () => {
    const text = demoText(report({ quantized: 'there', f16: 'here' }), 1);
    expect(text).toContain('quarrel compare "my demo/llama.safetensors" p.safetensors');
    expect(text).not.toContain('quarrel replay');
  });

  it('ends with what was planted, and with what was found instead', () => {
    const ending = (found: boolean): string | undefined =>
      demoText(report({ quantized: 'there', f16: 'here' }, found), 12.34)
        .split('\n')
        .at(-1);
    expect(ending(true)).toBe('FOUND  Qcur-0#0, code-order: what was planted, in 12.3 s');
    expect(ending(false)).toBe('NOT FOUND  planted: Qcur-0#0, code-order; found: the verdict is clean, in 12.3 s');
  });
});
