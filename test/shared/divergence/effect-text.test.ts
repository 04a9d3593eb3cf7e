import { describe, expect, it } from 'vitest';
import { bugsAmong } from '../../../src/shared/divergence/bugs';
import {
  bugOfNode,
  bugText,
  effectText,
  independenceText,
  rankedByEffect,
} from '../../../src/shared/divergence/effect-text';
import type { BadNode, Bug, Effect } from '../../../src/shared/divergence/verdict';
import { sampleBad, sampleCause } from '../../renderer/sample-verdict';

const paris = { token: 7042, text: ' Paris', logit: 17 };
const stays: Effect = { kld: 3e-5, sameTop: true, token: paris, right: paris };
const turned: Effect = {
  kld: 8.13,
  sameTop: false,
  token: { token: 9, text: ' Mauritania', logit: 3 },
  right: paris,
};

describe('an effect in words', () => {
  it('says what becomes of the answer, and how far it moves', () => {
    expect(effectText(turned)).toBe('turns " Paris" into " Mauritania" (KLD 8.1)');
    expect(effectText(stays)).toBe('changes no answer (KLD 3e-5; " Paris" stays)');
    expect(effectText({ ...stays, kld: 0 })).toContain('(KLD 0;');
    expect(effectText({ ...turned, kld: null })).toContain('(KLD infinite)');
    expect(effectText({ ...turned, kld: null, token: null })).toBe('turns " Paris" into NaN');
  });

  it('names tokens by their ids where there is no vocabulary', () => {
    const [right, token] = [
      { token: 1, text: undefined, logit: 1 },
      { token: 2, text: undefined, logit: 1 },
    ];
    expect(effectText({ kld: 0.4, sameTop: false, token, right })).toBe('turns #1 into #2 (KLD 0.4)');
  });

  it('ranks nodes by what they do, and says nothing of nodes that were not followed', () => {
    const nodes = [
      sampleBad({ effect: stays }),
      sampleBad(),
      sampleBad({ node: 'x', effect: { ...turned, kld: null } }),
    ];
    expect(rankedByEffect(nodes)).toEqual([nodes[2], nodes[0]]);
  });
});

describe('bugs', () => {
  const scale = (factor: number) => sampleCause({ parameters: { scale: 1, right: factor } });
  const bugs = (...nodes: BadNode[]): string[] => bugsAmong(nodes, (b) => b).map((n) => n.map((b) => b.node).join());

  it('are the same in the same place of another layer, whatever explains them', () => {
    const first = sampleBad({ node: 'kq-0', cause: scale(0.1) });
    expect(bugs(first, sampleBad({ node: 'kq-3' }), sampleBad({ node: 'kq-7', cause: scale(3) }))).toEqual([
      'kq-0,kq-3,kq-7',
    ]);
  });

  it('are the same elsewhere by a cause with a parameter in common', () => {
    const residual = [
      sampleBad({ node: 'ffn_inp-0', cause: scale(0.22) }),
      sampleBad({ node: 'l_out-0', cause: scale(0.2200001) }),
    ];
    const logits = sampleBad({ node: 'result_output', cause: sampleCause({ parameters: { scale: 8, right: 0.125 } }) });
    expect(bugs(...residual, logits)).toEqual(['ffn_inp-0,l_out-0', 'result_output']);
  });

  it('are told apart by op where several nodes have one name', () => {
    const nodes = [sampleBad({ node: 'Qcur-0#0' }), sampleBad({ node: 'Qcur-0#1', op: 'ROPE' })];
    expect(bugs(...nodes)).toEqual(['Qcur-0#0', 'Qcur-0#1']);
  });
});

describe('a bug in words', () => {
  const cause = sampleCause();
  const bug = (fields: Partial<Bug>): Bug => ({ step: 0, nodes: ['kq-0', 'kq-1'], cause, effect: turned, ...fields });

  it('says what its nodes do together', () => {
    expect(bugText(bug({}))).toBe('this bug, at 2 nodes, turns " Paris" into " Mauritania" (KLD 8.1)');
    expect(bugText(bug({ cause: null }))).toMatch(/^the same error, at 2 nodes, /);
    expect(bugText(bug({ effect: null }))).toBeUndefined();
    expect(bugOfNode({ bugs: [bug({})] }, sampleBad({ node: 'kq-1' }))?.nodes).toHaveLength(2);
    expect(bugOfNode({ bugs: [bug({ nodes: ['kq-1'] })] }, sampleBad({ node: 'kq-1' }))).toBeUndefined();
  });

  it('is independent of another where both are proved', () => {
    const allBad = [sampleBad({ node: 'kq-0', cause }), sampleBad({ node: 'result_output', cause, effect: stays })];
    const other = bug({
      nodes: ['result_output'],
      effect: stays,
      cause: sampleCause({ title: 'scaled', parameters: {} }),
    });
    expect(independenceText({ allBad, bugs: [bug({}), other] })).toBe(
      'two independent bugs, each wrong on right inputs and for a reason of its own, so that mending one leaves the other: ' +
        'kq-0 and 1 more (attention scores are scaled by another factor: scale 1, right 0.125), together turns " Paris" into ' +
        '" Mauritania" (KLD 8.1); result_output (scaled), changes no answer (KLD 3e-5; " Paris" stays)',
    );
    expect(independenceText({ allBad, bugs: [bug({})] })).toBeUndefined();
    expect(independenceText({ allBad, bugs: [bug({}), { ...other, cause: null }] })).toBeUndefined();
  });

  it('is not called independent where it may be what NaN does elsewhere', () => {
    const allBad = [sampleBad({ node: 'kq-0' }), sampleBad({ node: 'result_output', localNmse: Infinity })];
    expect(independenceText({ allBad, bugs: [bug({}), bug({ nodes: ['result_output'] })] })).toBeUndefined();
  });
});
