import { MARGIN } from '../../shared/compare/tolerance';
import type { ProfileEntry } from '../../shared/divergence/verdict';
import { errorByLayer } from './error-by-layer';
import { escapeHtml } from './escape-html';
import { axisLabel, legend, logAxis, path, PLOT, placeX, plotSvg } from './log-plot';
import { markLegend, markOf } from './plot-marks';

const MOST_LABELS = 32;

/** A bar per layer: the worst local error of its nodes in noise floors, and the margin across. */
export function layerPlot(profile: readonly ProfileEntry[]): string {
  const layers = errorByLayer(profile);
  const axis = logAxis([...layers.map((l) => l.ratio), MARGIN.node]);
  const width = Math.max(((PLOT.width - PLOT.left - PLOT.right) / layers.length) * 0.7, 1);
  const bottom = PLOT.height - PLOT.bottom;
  const bars = layers.map((l, i) => {
    const y = axis.y(l.ratio);
    const state = l.bad ? ', wrong' : l.rounded ? ', only rounded' : '';
    const said = `layer ${l.layer}, ${l.node}: ${l.ratio === null ? 'infinite' : l.ratio.toPrecision(2)} noise floors${state}`;
    return `<rect class="${markOf(l)}" x="${(placeX(i, layers.length) - width / 2).toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${Math.max(bottom - y, 0).toFixed(1)}"><title>${escapeHtml(said)}</title></rect>`;
  });
  const every = Math.ceil(layers.length / MOST_LABELS);
  const margin = axis.y(MARGIN.node);
  return plotSvg('Worst local error by layer, in noise floors', [
    axis.svg,
    ...bars,
    ...layers.flatMap((l, i) => (i % every === 0 ? [axisLabel(placeX(i, layers.length), String(l.layer))] : [])),
    path('margin', [
      [PLOT.left, margin],
      [PLOT.width - PLOT.right, margin],
    ]),
    legend([['margin', `limit, ${MARGIN.node} floors`]], markLegend(layers.map(markOf))),
  ]);
}
