import { describe, expect, it } from 'vitest';
import { PICTURE, pictureOf, RIGHT_PICTURE } from '../../src/renderer/ui/welcome/pictures';
import type { GalleryPart } from '../../src/shared/gallery/gallery';

const PARTS: readonly GalleryPart[] = ['weights', 'attention', 'cache', 'mat-mul', 'feed-forward', 'norm'];

describe('pictures of planted bugs', () => {
  const of = (part: GalleryPart, cause: string) => pictureOf({ part, expected: { node: 'x', step: 0, cause } });
  const all = [
    ...PARTS.map((part) => of(part, 'a cause without a picture')),
    ...['code-order', 'rope-pairing', 'gqa-heads'].map((cause) => of('attention', cause)),
  ];

  it('shows something wrong, each in another way', () => {
    for (const picture of all) expect(picture.some(({ tone }) => tone === 'bad')).toBe(true);
    expect(new Set(all.map((picture) => JSON.stringify(picture))).size).toBe(all.length);
  });

  it('shows nothing wrong for the right run', () => {
    expect(new Set(RIGHT_PICTURE.map(({ tone }) => tone))).toEqual(new Set(['right', 'pale']));
  });

  it('stays within the frame', () => {
    for (const { x, y, width, height } of [...all.flat(), ...RIGHT_PICTURE]) {
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
      expect(x + width).toBeLessThanOrEqual(PICTURE.width + 1e-9);
      expect(y + height).toBeLessThanOrEqual(PICTURE.height + 1e-9);
    }
  });
});
