import type { LogRange } from './colour-scale';
import { scalePosition } from './colour-scale';

/** Where the parts of the timeline lie, in CSS pixels from its top. */
export interface Geometry {
  readonly lanes: number;
  readonly rowHeight: number;
  readonly rowTop: (lane: number) => number;
  readonly curveTop: number;
  readonly curveHeight: number;
  readonly height: number;
}

export const AXIS_HEIGHT = 26;
const ROW_GAP = 8;
const CURVE_GAP = 22;
const BOTTOM = 12;
const ROOMY = { rowHeight: 50, curveHeight: 132 };
const TIGHT = { rowHeight: 34, curveHeight: 88 };

/** @param tight for low windows */
export function timelineGeometry(lanes: number, tight: boolean): Geometry {
  const { rowHeight, curveHeight } = tight ? TIGHT : ROOMY;
  const rowTop = (lane: number): number => AXIS_HEIGHT + lane * (rowHeight + ROW_GAP);
  const curveTop = rowTop(lanes) - ROW_GAP + CURVE_GAP;
  return { lanes, rowHeight, rowTop, curveTop, curveHeight, height: curveTop + curveHeight + BOTTOM };
}

/** The lane whose row holds `y`; undefined between and outside rows. */
export function laneAt({ lanes, rowHeight, rowTop }: Geometry, y: number): number | undefined {
  const lane = Math.floor((y - AXIS_HEIGHT) / (rowHeight + ROW_GAP));
  return lane < 0 || lane >= lanes || y > rowTop(lane) + rowHeight ? undefined : lane;
}

/** The curves' axis reaches further down than the colours: there, one sees where f32 rounding begins to add up. */
const CURVE_RANGE: LogRange = { min: -15, max: 0 };
export const CURVE_TICKS: readonly number[] = [0, -3, -6, -9, -12, -15];

/** Pixels from the timeline's top at which the curves show an NMSE. */
export function curveY({ curveTop, curveHeight }: Geometry, nmse: number): number {
  return curveTop + curveHeight * (1 - scalePosition(nmse, CURVE_RANGE));
}
