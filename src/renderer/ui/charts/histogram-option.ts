import type { EChartsCoreOption } from 'echarts/core';
import type { NodeDetail } from '../../../shared/compare/comparison';
import { formatCount, formatValue } from '../format/numbers';
import { laneName } from '../format/paths';
import type { Palette } from './palette';
import { laneDash } from './palette';

/** One stepped outline per lane over shared bins; the reference is filled, candidates are drawn over it. */
export function histogramOption(
  { edges, histograms }: Pick<NodeDetail, 'edges' | 'histograms'>,
  slotOf: (label: string) => number,
  palette: Palette,
  logarithmic: boolean,
): EChartsCoreOption {
  const axis = {
    axisLine: { lineStyle: { color: palette.lineStrong } },
    axisLabel: { color: palette.text3, fontSize: 10, fontFamily: palette.mono },
    splitLine: { lineStyle: { color: palette.line } },
  };
  return {
    animation: false,
    grid: { left: 8, right: 14, top: 12, bottom: 4, containLabel: true },
    tooltip: {
      trigger: 'axis',
      // Drawn on the canvas: HTML tooltips need inline styles, which the content security policy forbids.
      renderMode: 'richText',
      backgroundColor: palette.surface,
      borderColor: palette.lineStrong,
      textStyle: { color: palette.text, fontSize: 11 },
      formatter: (series: readonly { seriesName?: string; dataIndex: number; value: [number, number | null] }[]) =>
        tooltipText(series, edges),
    },
    xAxis: {
      ...axis,
      type: 'value',
      min: edges[0],
      max: edges.at(-1),
      splitLine: { show: false },
      axisLabel: {
        ...axis.axisLabel,
        formatter: formatValue,
        hideOverlap: true,
        showMinLabel: false,
        showMaxLabel: false,
      },
    },
    yAxis: {
      ...axis,
      axisLine: { show: false },
      axisTick: { show: false },
      type: logarithmic ? 'log' : 'value',
      ...(logarithmic ? { min: 0.8 } : {}),
      axisLabel: { ...axis.axisLabel, formatter: (n: number) => (n < 1 ? '' : formatCount(n)) },
    },
    series: histograms.map(({ label, counts }) => {
      const lane = slotOf(label);
      return {
        name: laneName(label),
        type: 'line',
        step: 'end',
        showSymbol: false,
        lineStyle: { color: palette.lane(lane), width: lane === 0 ? 1 : 1.6, type: dashOf(lane) },
        itemStyle: { color: palette.lane(lane) },
        ...(lane === 0 ? { areaStyle: { color: palette.lane(0), opacity: 0.22 } } : {}),
        data: outline(edges, counts, logarithmic),
      };
    }),
  };
}

/** Points at the bins' left edges, and one that closes the last bin. Empty bins have no logarithm. */
function outline(edges: readonly number[], counts: readonly number[], logarithmic: boolean): [number, number | null][] {
  const height = (count: number): number | null => (logarithmic && count === 0 ? 0.8 : count);
  const points = counts.map((count, i): [number, number | null] => [edges[i]!, height(count)]);
  return [...points, [edges[counts.length]!, height(counts.at(-1) ?? 0)]];
}

function dashOf(lane: number): 'solid' | number[] {
  const dash = laneDash(lane);
  return dash.length === 0 ? 'solid' : [...dash];
}

function tooltipText(
  series: readonly { seriesName?: string; dataIndex: number; value: [number, number | null] }[],
  edges: readonly number[],
): string {
  const bin = Math.min(series[0]?.dataIndex ?? 0, edges.length - 2);
  const lines = series.map(({ seriesName, value }) => `${seriesName ?? ''}: ${formatCount(Math.floor(value[1] ?? 0))}`);
  return [`${formatValue(edges[bin])} … ${formatValue(edges[bin + 1])}`, ...lines].join('\n');
}
