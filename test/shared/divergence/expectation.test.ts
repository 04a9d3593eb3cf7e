import { describe, expect, it } from 'vitest';

import { checkExpectation } from '../../../src/shared/divergence/expectation';

const paris = { token: 7042, text: ' Paris', logit: 17.3 };
const the = { token: 260, text: ' the', logit: 22.3 };

describe('checkExpectation', () => {
  it('matches by text, with or without spaces, or by id', () => {
    for (const expected of [' Paris', 'Paris', '7042']) {
      expect(checkExpectation({ expected }, paris, the)).toMatchObject({ reference: true, candidate: false });
    }
  });
  it('asks for the least logit', () => {
    expect(checkExpectation({ minLogit: 17.4 }, paris, the)).toMatchObject({ reference: false, candidate: true });
    expect(checkExpectation({ expected: 'the', minLogit: 30 }, paris, the)?.candidate).toBe(false);
  });
  it('says null where a lane has no logits, and nothing where nothing was asked', () => {
    expect(checkExpectation({ expected: 'Paris' }, paris, null)).toMatchObject({ reference: true, candidate: null });
    expect(checkExpectation({}, paris, the)).toBeNull();
  });
});
