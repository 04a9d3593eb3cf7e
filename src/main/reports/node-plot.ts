import { MARGIN } from '../../shared/compare/tolerance';
import type { ProfileEntry } from '../../shared/divergence/verdict';
import { stepKey } from '../../shared/trace/steps';
import { error } from '../cli/text/table';
import { escapeHtml } from './escape-html';
import { axisLabel, legend, logAxis, path, placeX, plotSvg } from './log-plot';
import { markLegend, markOf, MARKS, markSvg } from './plot-marks';

/** Local error of every judged node as a mark: right, rounded or wrong; with its noise floor, the margin, and the inherited error as lines. */
export function nodePlot(profile: readonly ProfileEntry[]): string {
  const axis = logAxis(profile.flatMap((p) => [p.local, p.floor, p.floor * MARGIN.node, p.inherited]));
  const x = (i: number): number => placeX(i, profile.length);
  const line = (name: string, of: (p: ProfileEntry) => number | null): string =>
    path(
      name,
      profile.flatMap((p, i) => (of(p) === null ? [] : [[x(i), axis.y(of(p))] as const])),
    );
  const marks = profile.map(markOf);
  const drawn = profile.map((p, i) => {
    const said = `${stepKey(p.step, p.node)}: ${p.local === null ? 'infinite' : error(p.local)}, noise ${error(p.floor)}`;
    const state = p.bad ? ', wrong' : p.rounded ? ', only rounded' : '';
    return markSvg(markOf(p), x(i), axis.y(p.local), `<title>${escapeHtml(said + state)}</title>`);
  });
  return plotSvg('Local error by node, with noise floor and margin', [
    axis.svg,
    ...layerLabels(profile).map(([i, text]) => axisLabel(x(i), text)),
    line('noise', (p) => p.floor),
    line('margin', (p) => p.floor * MARGIN.node),
    line('inherited', (p) => p.inherited),
    ...MARKS.flatMap((mark) => drawn.filter((_, i) => marks[i] === mark)),
    legend(
      [
        ['noise', 'noise floor'],
        ['margin', `limit, ${MARGIN.node} floors`],
        ['inherited', 'inherited error'],
      ],
      markLegend(marks),
    ),
  ]);
}

const MOST_LABELS = 16;

/** Where layers begin; not all of many. */
function layerLabels(profile: readonly ProfileEntry[]): readonly (readonly [number, string])[] {
  const begins = profile.flatMap((p, i) =>
    p.layer !== null && p.layer !== profile[i - 1]?.layer && profile.findIndex((q) => q.layer === p.layer) === i
      ? [[i, String(p.layer)] as const]
      : [],
  );
  const every = Math.ceil(begins.length / MOST_LABELS);
  return begins.filter((_, i) => i % every === 0);
}
