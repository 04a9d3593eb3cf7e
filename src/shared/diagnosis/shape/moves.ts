/** Right values in wrong places. */
import type { ShapeFinding } from '../../divergence/cause';
import type { Elements } from './elements';
import { UNCOMPARED } from './elements';
import { describeMoves, matchRows, transposed } from './matching';

/** Fewer values than this are found elsewhere by accident. */
const LEAST_VALUES = 4;
/** Above this many elements matching takes too long. */
const MOST_ELEMENTS = 1 << 22;

export function moveFindings({ right, wrong, states, ne }: Elements): readonly ShapeFinding[] {
  if (right.length > MOST_ELEMENTS || states.includes(UNCOMPARED)) return [];
  const [n] = ne;
  const rows = right.length / n;
  if (n >= LEAST_VALUES && rows > 1) {
    const found = finding('rows', matchRows(right, wrong, n));
    if (found) return [found];
  }
  if (rows < LEAST_VALUES || n < 2) return [];
  const found = finding('columns', matchRows(transposed(right, n), transposed(wrong, n), rows));
  return found ? [found] : [];
}

function finding(what: 'rows' | 'columns', from: Int32Array): ShapeFinding | undefined {
  const how = describeMoves(from);
  if (how === undefined) return undefined;
  const moved = [...from.keys()].filter((i) => from[i] !== -1 && from[i] !== i);
  // one or two that look alike are no permutation
  if (moved.length < Math.max(2, from.filter((at, i) => at !== i).length / 2)) return undefined;
  const example = moved[0]!;
  const one = what === 'rows' ? 'row' : 'column';
  const text = `${moved.length} of ${from.length} ${what} hold the values of others (${how}; ${one} ${example} those of ${from[example]}).`;
  return { kind: 'permutation', text };
}
