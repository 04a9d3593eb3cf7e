import type { RunSummary } from '../../../shared/compare/comparison';
import type { Palette } from '../charts/palette';
import type { Shade } from './colour-scale';
import { shadeOf } from './colour-scale';
import type { Geometry } from './geometry';
import type { TimelineLayout } from './layout';
import type { Viewport } from './viewport';

/** Everything one picture of the timeline is made of. */
export interface Scene {
  readonly run: RunSummary;
  readonly layout: TimelineLayout;
  /** Colour slot of each lane. */
  readonly slots: readonly number[];
  /** `shades[lane][node]`. */
  readonly shades: readonly (readonly Shade[])[];
  readonly view: Viewport;
  readonly selected: { readonly node: number; readonly lane: number } | undefined;
  readonly hovered: { readonly node: number; readonly lane: number } | undefined;
  readonly palette: Palette;
  /** CSS pixels. */
  readonly width: number;
  readonly geometry: Geometry;
}

export function shadesOf(run: RunSummary): readonly (readonly Shade[])[] {
  return run.lanes.map((_, lane) => run.nodes.map((node) => shadeOf(node.lanes[lane])));
}

/** Pixel of a position on the axis 0 … 1. */
export function pixelOf({ view, width }: Pick<Scene, 'view' | 'width'>, x: number): number {
  return ((x - view.start) / view.span) * width;
}

/** First and last node that is at least partly visible. */
export function visibleNodes({ layout, view }: Pick<Scene, 'layout' | 'view'>): readonly [number, number] {
  const { edges } = layout;
  let first = 0;
  let last = edges.length - 2;
  while (first < last && edges[first + 1]! <= view.start) first++;
  while (last > first && edges[last]! >= view.start + view.span) last--;
  return [first, last];
}

/** Which of several shades that fall on one pixel is shown: the one that must not be overlooked. */
export function severity(shade: Shade): number {
  switch (shade.kind) {
    case 'non-finite':
      return Infinity;
    case 'error':
      return shade.nmse;
    case 'not-measured':
      return -1;
    case 'equal':
    case 'reference':
      return 0;
  }
}
