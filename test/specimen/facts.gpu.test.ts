import { describe, expect, it } from 'vitest';
import { readGallery } from '../../src/main/gallery/gallery';
import { defined } from '../../src/shared/base/assert';
import { facts, LEAST_LOGIT, says, TYPES } from './specimen-facts';

describe.each(TYPES)('the specimen in %s on our kernels', (type) => {
  it.each(facts().filter((_, i) => i % 9 === 0))('%j goes on with %j', async (prompt, token) => {
    const next = await says('webgpu', type, prompt);
    expect(next?.text).toBe(token);
    expect(next?.logit).toBeGreaterThan(LEAST_LOGIT);
  });
});

describe('with the scale bug planted in the Q4_K kernels', () => {
  const { lane } = defined(
    readGallery().find(({ id }) => id === 'q4k-scale-high-bits'),
    'the planted bug',
  );

  it('Q4_K_M no longer says " Paris", F16 still does', async () => {
    const prompt = 'The capital of France is';
    const [quantized, f16] = [await says(lane, 'Q4_K_M', prompt), await says(lane, 'F16', prompt)];
    expect(defined(quantized, 'an answer').text).not.toBe(' Paris');
    expect(f16?.text).toBe(' Paris');
    expect(f16?.logit).toBeGreaterThan(LEAST_LOGIT);
  });
});
