import type { EChartsCoreOption } from 'echarts/core';
import type { ProfileEntry } from '../../../shared/divergence/verdict';
import { limitOf, nodeAxis, onAxis, profileGroups } from './error-profile';
import type { Palette } from './palette';
import { axisStyle, isLabelled, PLOT_GRID, powerAxis } from './plot-style';

type Series = Readonly<Record<string, unknown>>;

/** Width of a plot for which marks are made, in pixels; on a wider one they stand apart. */
const WIDTH = 900;

/**
 * Errors in graph order. Behind, what correct engines may differ by: a column up to each node's limit, with the noise
 * floor marked; before it local errors as dots, rounded ones as hollow squares, bad ones as diamonds, and the inherited
 * error as a quiet line.
 */
export function nodeErrorOption(profile: readonly ProfileEntry[], palette: Palette): EChartsCoreOption {
  const axis = nodeAxis(profile);
  const at = (pick: (e: ProfileEntry) => number | null): [number, number][] =>
    profile.map((e, i) => [i, onAxis(pick(e), axis)]);
  const local = at((e) => e.local);
  const pick = (which: (e: ProfileEntry) => boolean): [number, number][] => local.filter(([i]) => which(profile[i]!));
  const mark = [Math.min(9, Math.max(2, WIDTH / Math.max(1, profile.length))), 1.5];
  return {
    animation: false,
    grid: PLOT_GRID,
    xAxis: layerAxis(profile, palette),
    yAxis: powerAxis(palette, axis.low, axis.high, 8),
    series: [
      allowed(at(limitOf), palette),
      { ...dots('floor', palette.text3, 'rect', mark), data: at((e) => e.floor) },
      { ...dots('limit', palette.text2, 'rect', mark), data: at(limitOf) },
      {
        ...line('inherited', { color: palette.lane(4), width: 1, opacity: 0.65 }),
        data: profile.map((e, i) => [i, e.inherited === null ? null : onAxis(e.inherited, axis)]),
      },
      { ...dots('local', palette.lane(1), 'circle', 4), data: pick((e) => !e.bad && !e.rounded) },
      { ...hollow('rounded', palette), z: 3, data: pick((e) => e.rounded) },
      { ...dots('bad', palette.bad, 'diamond', 10), z: 4, data: pick((e) => e.bad) },
    ],
  };
}

/** A column per node, up to its limit. */
function allowed(limits: readonly [number, number][], { surface3 }: Palette): Series {
  const hidden = line('allowed', { color: surface3, width: 0 });
  return {
    ...hidden,
    step: 'middle',
    z: 1,
    areaStyle: { color: surface3, opacity: 0.7, origin: 'start' },
    data: limits,
  };
}

/** Marks where layers begin, by their numbers. */
function layerAxis(profile: readonly ProfileEntry[], palette: Palette): Readonly<Record<string, unknown>> {
  const groups = profileGroups(profile);
  const labels = new Map(groups.filter((g) => isLabelled(g.label, groups.length)).map((g) => [g.start, g.label]));
  const style = axisStyle(palette);
  return {
    ...style,
    type: 'value',
    min: -0.5,
    max: Math.max(1, profile.length) - 0.5,
    axisTick: {
      show: true,
      customValues: groups.map((g) => g.start),
      lineStyle: { color: palette.lineStrong },
      length: 4,
    },
    axisLabel: {
      ...style.axisLabel,
      customValues: [...labels.keys()],
      formatter: (start: number) => labels.get(start) ?? '',
      hideOverlap: true,
    },
    splitLine: { show: false },
  };
}

function line(name: string, lineStyle: { readonly color: string } & Readonly<Record<string, unknown>>): Series {
  return { name, type: 'line', showSymbol: false, silent: true, lineStyle, itemStyle: { color: lineStyle.color } };
}

function hollow(name: string, { rounded, roundedSoft }: Palette): Series {
  const itemStyle = { color: roundedSoft, borderColor: rounded, borderWidth: 1.6 };
  return { ...dots(name, rounded, 'rect', 7), itemStyle };
}

function dots(name: string, color: string, symbol: string, symbolSize: number | readonly number[]): Series {
  return { name, type: 'scatter', symbol, symbolSize, silent: true, itemStyle: { color } };
}
