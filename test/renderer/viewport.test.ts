import { describe, expect, it } from 'vitest';
import { panBy, reveal, WHOLE, zoomAround } from '../../src/renderer/ui/timeline/viewport';

describe('viewport', () => {
  it('keeps the point under the pointer in place while zooming', () => {
    const view = zoomAround(WHOLE, 0.25, 0.5, 0.01);
    expect(view).toEqual({ start: 0.125, span: 0.5 });
    expect((0.25 - view.start) / view.span).toBe(0.25);
  });

  it('neither zooms in past one node nor out past everything', () => {
    expect(zoomAround(WHOLE, 0.5, 1e-6, 0.01).span).toBe(0.01);
    expect(zoomAround({ start: 0.4, span: 0.1 }, 0.45, 1000, 0.01)).toEqual(WHOLE);
  });

  it('stops panning at the ends', () => {
    expect(panBy({ start: 0.4, span: 0.2 }, -1).start).toBe(0);
    expect(panBy({ start: 0.4, span: 0.2 }, 1).start).toBe(0.8);
  });

  it('moves just enough to reveal a node', () => {
    const view = { start: 0.4, span: 0.2 };
    expect(reveal(view, 0.45, 0.5)).toEqual(view);
    expect(reveal(view, 0.1, 0.15).start).toBe(0.1);
    expect(reveal(view, 0.7, 0.75).start).toBeCloseTo(0.55);
    expect(reveal(view, 0.1, 0.5).span).toBeCloseTo(0.4);
  });
});
