import type { EChartsCoreOption } from 'echarts/core';
import type { LayerError, LogAxis } from './error-profile';
import { inheritedAxis, onAxis, ratioAxis } from './error-profile';
import type { Palette } from './palette';
import { axisStyle, isLabelled, PLOT_GRID, powerAxis } from './plot-style';

type Series = Readonly<Record<string, unknown>>;

/** Heights of both plots in pixels, of 240. */
const OWN = 116;
const INHERITED = 54;

/** Bars of each layer's worst local error over its limit; below, apart, the inherited error at the layer's end. */
export function layerErrorOption(layers: readonly LayerError[], palette: Palette): EChartsCoreOption {
  const own = ratioAxis(layers);
  const inherited = inheritedAxis(layers);
  const { left, right, top, bottom } = PLOT_GRID;
  return {
    animation: false,
    grid: [
      { left, right, top, height: OWN },
      { left, right, height: INHERITED, bottom },
    ],
    xAxis: [0, 1].map((gridIndex) => layerNames(layers, palette, gridIndex)),
    yAxis: [
      // Bars grow from the axis' low end, not from a ratio of 1.
      { ...powerAxis(palette, own.low, own.high, 5), gridIndex: 0, startValue: own.low },
      { ...powerAxis(palette, inherited.low, inherited.high, 2), gridIndex: 1 },
    ],
    series: [bars(layers, palette, own), limitLine(layers, palette), inheritedLine(layers, palette, inherited)],
  };
}

/** What a node may differ by: a ratio of 1. */
function limitLine(layers: readonly LayerError[], { text2 }: Palette): Series {
  return {
    name: 'limit',
    type: 'line',
    silent: true,
    showSymbol: false,
    data: layers.map((_, i) => [i, 0]),
    lineStyle: { color: text2, width: 1, type: 'dashed' },
  };
}

function layerNames(layers: readonly LayerError[], palette: Palette, gridIndex: number): Series {
  const style = axisStyle(palette);
  return {
    ...style,
    gridIndex,
    type: 'category',
    data: layers.map((l) => l.group.label),
    axisLabel: {
      ...style.axisLabel,
      show: gridIndex === 1,
      interval: (_: number, label: string) => isLabelled(label, layers.length),
    },
    splitLine: { show: false },
  };
}

function bars(layers: readonly LayerError[], palette: Palette, axis: LogAxis): Series {
  return {
    name: 'worst',
    type: 'bar',
    silent: true,
    barMaxWidth: 22,
    barCategoryGap: '25%',
    data: layers.map((l) => ({
      value: onAxis(l.overLimit, axis),
      itemStyle: barStyle(l, palette),
    })),
  };
}

/** Wrong, only rounded, right. */
function barStyle({ bad, rounded }: LayerError, palette: Palette): Series {
  if (bad > 0) return { color: palette.bad };
  if (rounded > 0) return { color: palette.roundedSoft, borderColor: palette.rounded, borderWidth: 1.6 };
  return { color: palette.lane(1), opacity: 0.55 };
}

function inheritedLine(layers: readonly LayerError[], palette: Palette, axis: LogAxis): Series {
  return {
    name: 'inherited',
    type: 'line',
    xAxisIndex: 1,
    yAxisIndex: 1,
    silent: true,
    symbol: 'circle',
    symbolSize: 3,
    data: layers.map((l) => (l.inherited === null ? null : onAxis(l.inherited, axis))),
    lineStyle: { color: palette.lane(4), width: 1.2 },
    itemStyle: { color: palette.lane(4) },
  };
}
