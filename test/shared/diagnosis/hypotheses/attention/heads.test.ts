import { describe, expect, it } from 'vitest';
import { HEAD_REPEATED } from '../../../../../src/shared/diagnosis/hypotheses/attention/head-repeated';
import { expectNamed } from './planted';
import type { ProductSpec } from './product-sites';
import { flashSite, plantedFlash, plantedProduct, productSite } from './product-sites';

const [K, KEYS, TOKENS, HEADS] = [12, 7, 5, 6];

describe('one head repeated', () => {
  it.each([
    [0, 1],
    [3, 2],
    [5, 4],
    [4, 5],
  ])('head %i is that of %i: K·Q', async (head, of) => {
    const sizes: ProductSpec['sizes'] = [K, KEYS, TOKENS, 3, HEADS];
    const own = productSite({ sizes });
    const right = plantedProduct(own, sizes);
    const plane = KEYS * TOKENS;
    const wrong = right.map((v, i) => (Math.floor(i / plane) === head ? right[of * plane + (i % plane)]! : v));
    const label = `head ${head} is that of ${of}`;
    await expectNamed(HEAD_REPEATED, { site: own.site, wrong, label, parameters: { head, of, right: head } });
  });

  it('in flash attention, where heads lie side by side', async () => {
    const sees = (token: number, key: number): boolean => key <= token + 4;
    const flash = flashSite(sees);
    const right = plantedFlash(flash, sees);
    // 8 channels of 4 heads per token
    const wrong = right.map((v, i) => (Math.floor(i / 8) % 4 === 2 ? right[i - 8]! : v));
    await expectNamed(HEAD_REPEATED, { site: flash.site, wrong, label: 'head 2 is that of 1' });
  });

  it('does not apply to a single head, nor to one further away', async () => {
    const sizes: ProductSpec['sizes'] = [K, KEYS, TOKENS, 1, 1];
    const { site } = productSite({ sizes });
    expect([...HEAD_REPEATED.variants({ ...site, wrong: site.right })]).toEqual([]);
    const several = productSite({ sizes: [K, KEYS, TOKENS, HEADS, HEADS] }).site;
    const labels = [...HEAD_REPEATED.variants(several)].map((v) => v.label);
    expect(labels).toContain('head 2 is that of 3');
    expect(labels).not.toContain('head 2 is that of 4');
  });
});
