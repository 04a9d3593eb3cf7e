import type { ComputedRef } from 'vue';
import { computed } from 'vue';
import type { Rgb } from '../timeline/colour-scale';
import { RAMPS } from '../timeline/colour-scale';
import { useMediaQuery } from './media-query';

const LANE_COLOURS = 6;

/** A lane's colour as CSS; lane 0, the reference, is grey. */
export function laneColour(lane: number): string {
  return `var(--lane-${lane === 0 ? 0 : ((lane - 1) % (LANE_COLOURS - 1)) + 1})`;
}

/** Line patterns, so that lanes differ without colour too. */
export const LANE_DASHES: readonly (readonly number[])[] = [[], [], [6, 3], [2, 3], [8, 3, 2, 3], [1, 2]];

export function laneDash(lane: number): readonly number[] {
  return LANE_DASHES[lane % LANE_DASHES.length] ?? [];
}

/** The theme's colours as values, for canvases, which know no CSS variables. */
export interface Palette {
  readonly ramp: readonly Rgb[];
  readonly text: string;
  readonly text2: string;
  readonly text3: string;
  readonly line: string;
  readonly lineStrong: string;
  readonly surface: string;
  readonly surface2: string;
  readonly surface3: string;
  readonly accent: string;
  readonly bad: string;
  readonly rounded: string;
  readonly roundedSoft: string;
  readonly nonFinite: string;
  readonly font: string;
  readonly mono: string;
  readonly lane: (lane: number) => string;
}

function readPalette(dark: boolean): Palette {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string): string => style.getPropertyValue(name).trim();
  return {
    ramp: RAMPS[dark ? 'dark' : 'light'],
    text: value('--text'),
    text2: value('--text-2'),
    text3: value('--text-3'),
    line: value('--line'),
    lineStrong: value('--line-strong'),
    surface: value('--surface'),
    surface2: value('--surface-2'),
    surface3: value('--surface-3'),
    accent: value('--accent'),
    bad: value('--bad'),
    rounded: value('--rounded'),
    roundedSoft: value('--rounded-soft'),
    nonFinite: value('--non-finite'),
    font: value('--font'),
    mono: value('--mono'),
    lane: (lane) => value(laneColour(lane).slice('var('.length, -1)),
  };
}

/** The current palette; changes with the theme. */
export function usePalette(): ComputedRef<Palette> {
  const dark = useMediaQuery('(prefers-color-scheme: dark)');
  return computed(() => readPalette(dark.value));
}
