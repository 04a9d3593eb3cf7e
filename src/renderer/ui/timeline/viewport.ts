/** The visible part of the axis 0 … 1. */
export interface Viewport {
  readonly start: number;
  readonly span: number;
}

export const WHOLE: Viewport = { start: 0, span: 1 };

/** @param smallest span at which one node fills the view; keeps zooming in bounded */
export function zoomAround(view: Viewport, at: number, factor: number, smallest: number): Viewport {
  const span = Math.min(1, Math.max(smallest, view.span * factor));
  return clamped(at - ((at - view.start) / view.span) * span, span);
}

export function panBy(view: Viewport, distance: number): Viewport {
  return clamped(view.start + distance, view.span);
}

/** Moves as little as needed to show from … to; zooms out only when they do not fit. */
export function reveal(view: Viewport, from: number, to: number): Viewport {
  const span = Math.max(view.span, Math.min(1, to - from));
  if (from < view.start) return clamped(from, span);
  if (to > view.start + span) return clamped(to - span, span);
  return clamped(view.start, span);
}

function clamped(start: number, span: number): Viewport {
  return { start: Math.min(Math.max(0, start), 1 - span), span };
}
