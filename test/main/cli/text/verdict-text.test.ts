import { describe, expect, it } from 'vitest';
import { verdictText } from '../../../../src/main/cli/text/verdict-text';
import { markdownReport } from '../../../../src/main/reports/markdown';
import { reportModel } from '../../../../src/main/reports/report-model';
import type { Effect } from '../../../../src/shared/divergence/verdict';
import {
  sampleBad,
  sampleCause,
  sampleEntry,
  sampleRounded,
  sampleStep,
  sampleVerdict,
} from '../../../renderer/sample-verdict';

const paris = { token: 7042, text: ' Paris', logit: 17 };
const stays: Effect = { kld: 3e-5, sameTop: true, token: paris, right: paris };
const turned: Effect = { ...stays, kld: 8.13, sameTop: false, token: { token: 9, text: ' Oslo', logit: 3 } };

const cause = sampleCause();
const other = sampleCause({
  id: 'scale-factor',
  title: 'scaled by another factor',
  parameters: { scale: 8, right: 0.125 },
});
const first = sampleBad({ node: 'kq-0', effect: stays, cause });
const second = sampleBad({ node: 'kq-1', cause });
const last = sampleBad({ node: 'result_output', op: 'SCALE', effect: turned, cause: other });
const bugs = [
  { step: 0, nodes: ['kq-0', 'kq-1'], cause, effect: turned },
  { step: 0, nodes: ['result_output'], cause: other, effect: turned },
];
const two = sampleVerdict({ firstBad: first, allBad: [first, second, last], bugs });

describe('what rounds', () => {
  const rounded = [sampleRounded('kq-0'), sampleRounded('kq-1'), sampleRounded('kqv-1', {}, { step: 1 })];
  const steps = [sampleStep(0, 'clean', [1, 2], 7), sampleStep(1, 'clean', [7], 8)];
  const clean = sampleVerdict({ rounded, steps });

  it('is said in the headline, of each step and by kind', () => {
    const text = verdictText(clean);
    expect(text).toMatch(/^CLEAN {2}webgpu against llama, .*: all 4 nodes right; 3 of them round\n/);
    expect(text).toContain('\nrounded     3 nodes round (kq-0, kq-1, step1/kqv-1): activations in F16');
    expect(text).toMatch(/\nstep 1 +7 +clean, 1 rounded /);
  });

  it('is one line where it is everywhere', () => {
    const text = 'computes in F16: 2 of 3 mat-muls round to it';
    const profile = [sampleEntry('kq-0', 0, { op: 'MUL_MAT' })];
    const everywhere = { ...clean, precision: { level: 'F16', declared: false, text } as const, profile };
    expect(verdictText(everywhere)).toContain(`\nprecision   ${text}`);
    expect(verdictText(everywhere)).not.toContain('activations in F16');
  });

  it('is what differs where it counts', () => {
    const diverged = [sampleStep(0, 'diverged', [1, 2], 7), sampleStep(1, 'diverged', [7], 8)];
    const text = verdictText({ ...clean, verdict: 'diverged', strict: true, steps: diverged });
    expect(text).toMatch(/: nothing is wrong, but 3 nodes round, and rounding counts \(strict\)\n/);
    expect(text).toMatch(/\nstep 1 +7 +diverged, 1 rounded /);
  });
});

describe('what bad nodes do to the answer', () => {
  it('stands with the first bad node: its bug, and the node alone', () => {
    expect(verdictText(two)).toContain(
      '\n  effect  this bug, at 2 nodes, turns " Paris" into " Oslo" (KLD 8.1)\n' +
        '          this node alone changes no answer (KLD 3e-5; " Paris" stays)\n',
    );
    const single = sampleVerdict({ firstBad: first, bugs: [{ ...bugs[0]!, nodes: ['kq-0'], effect: stays }] });
    expect(verdictText(single)).toContain('\n  effect  this node alone changes no answer');
    expect(verdictText(single)).not.toContain('each alone');
  });

  it('ranks several nodes, says how many were not followed, and tells bugs apart', () => {
    const text = verdictText(two);
    expect(text).toContain(
      '  each alone, the largest effect on its answer first\n' +
        '        result_output  turns " Paris" into " Oslo" (KLD 8.1)\n' +
        '        kq-0           changes no answer (KLD 3e-5; " Paris" stays)\n' +
        '        1 other was not followed (--effect follows all)\n',
    );
    expect(text.replace(/\n +/g, ' ')).toContain('two independent bugs, each wrong on right inputs');
  });

  it('is left out where nothing was followed', () => {
    const bad = sampleBad({ node: 'kq-0', cause });
    const allBad = [bad, second];
    const text = verdictText(sampleVerdict({ firstBad: bad, allBad, bugs: [{ ...bugs[0]!, effect: null }] }));
    expect(text).not.toMatch(/effect|alone|answer|followed/);
  });

  it('is in the report', () => {
    const text = markdownReport(reportModel(two));
    expect(text).toContain('This bug, at 2 nodes, turns " Paris" into " Oslo" (KLD 8.1).');
    expect(text).toContain('kq-0 alone changes no answer (KLD 3e-5; " Paris" stays).');
    expect(text).toContain('Two independent bugs, each wrong');
    expect(text).toContain('| node | KLD | right | with its error |  |');
    expect(text).toContain('| result_output | 8.1 | " Paris" | " Oslo" | differs |');
    expect(text).toContain('| this node alone | changes no answer');
    expect(text).not.toMatch(/^\| kq-1 \| \|/m);
    const without = sampleVerdict({ firstBad: sampleBad({ cause }), bugs: [{ ...bugs[0]!, effect: null }] });
    expect(markdownReport(reportModel(without))).not.toMatch(/alone|to the answer/);
  });
});
