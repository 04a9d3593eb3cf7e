import type { Hypothesis, Variant } from '../../hypothesis';
import { transposed } from '../../shape/matching';
import type { Site } from '../../site';
import type { RowNorm } from './norm-site';
import { centreOf, factorOf, isRowNorm, otherWidths, rowNormOf, scaleRows, squaresOf } from './norm-site';

export const NORM_AXIS: Hypothesis = {
  id: 'norm-axis',
  title: 'norm over the wrong elements',
  explanation:
    'The statistics of the norm are taken over other elements than one row: over all heads of a token or over one head, ' +
    'over the whole tensor, along the tokens, or of one row for all.',
  whereToLook:
    'The shape that the norm kernel is given: row length, number of rows and strides; for norms of Q and K whether the ' +
    'weight and the statistics are per head or over all heads.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const { kind, ne } = site.node;
    if (!isRowNorm(kind)) return;
    const count = ne[0] * ne[1] * ne[2] * ne[3];
    const rows = count / ne[0];
    if (ne[2] > 1 && ne[1] > 1) yield groups('all heads of a token', ne[0] * ne[1], ne[0]);
    for (const width of otherWidths(site)) {
      if (width < ne[0] && ne[0] % width === 0) yield groups(`each ${width} channels`, width, ne[0]);
    }
    if (rows < 2) return;
    yield groups('the whole tensor', count, ne[0]);
    yield oneRow('the first row', 0);
    yield oneRow('the last row', rows - 1);
    yield { label: 'along the rows', parameters: { over: 'along the rows', right: 'each row' }, predict: alongRows };
  },
};

/** One statistic for every `length` elements, in memory order. */
function groups(label: string, length: number, right: number): Variant {
  return {
    label,
    parameters: { over: label, elements: length, right },
    predict: (s) => {
      const norm = rowNormOf(s);
      return scaleRows({ ...norm, n: length, rows: norm.x.length / length }, (squares) =>
        factorOf(norm.kind, squares, length, norm.eps),
      );
    },
  };
}

/** The factor (and mean) of one row for all. */
function oneRow(label: string, row: number): Variant {
  return {
    label,
    parameters: { over: label, right: 'each row' },
    predict: (s) => {
      const norm = rowNormOf(s);
      const { kind, x, n, eps } = norm;
      const centre = centreOf(kind, x, row * n, n);
      const factor = factorOf(kind, squaresOf(x, row * n, n, centre), n, eps);
      return scaleRows(
        norm,
        () => factor,
        () => centre,
      );
    },
  };
}

/** Each channel over all rows. */
function alongRows(site: Site): Float32Array {
  const norm = rowNormOf(site);
  const columns = transposed(norm.x, norm.n);
  const turned: RowNorm = { ...norm, x: columns, n: norm.rows, rows: norm.n };
  const scaled = scaleRows(turned, (squares) => factorOf(norm.kind, squares, turned.n, norm.eps));
  return transposed(scaled, norm.rows);
}
