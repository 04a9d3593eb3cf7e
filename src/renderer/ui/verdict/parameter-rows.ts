import type { Alternative, Cause } from '../../../shared/divergence/cause';
import { formatValue } from '../format/numbers';

type Parameters = Cause['parameters'];

/** One parameter of a mistake; undefined where the right value is not known or needs no saying. */
export interface ParameterRow {
  readonly name: string;
  readonly was: string;
  readonly right: string | undefined;
}

const RIGHT = 'right';

/** `{ scale: 1, right: 0.125 }` as rows: `right` belongs to the first parameter, `rightX` and `right X` to X. */
export function parameterRows(parameters: Parameters): readonly ParameterRow[] {
  const names = Object.keys(parameters);
  const rightOf = (name: string, index: number): string | undefined => {
    const own = names.find((n) => n !== name && bare(n) === RIGHT + bare(name));
    return own ?? (index === 0 && names.includes(RIGHT) ? RIGHT : undefined);
  };
  const done = names
    .filter((n) => n !== RIGHT)
    .filter((n) => !names.some((m) => m !== n && bare(n) === RIGHT + bare(m)));
  // A lone `right` still says something.
  if (done.length === 0) return names.map((name) => ({ name, was: show(parameters[name]), right: undefined }));
  return done.map((name, i) => {
    const right = rightOf(name, i);
    return {
      name: words(name),
      was: show(parameters[name]),
      right: right === undefined ? undefined : show(parameters[right]),
    };
  });
}

/** All parameters in one line: `scale 1, right 0.125`. */
export function parameterText(parameters: Parameters): string {
  return parameterRows(parameters)
    .map(({ name, was, right }) => `${name} ${was}${right === undefined ? '' : `, right ${right}`}`)
    .join('; ');
}

/** Hypotheses differ by title; variants of one only by their parameters. */
export function alternativeKey({ id, nodes, parameters }: Alternative): string {
  return JSON.stringify([id, nodes, parameters]);
}

function show(value: number | string | undefined): string {
  if (typeof value !== 'number') return value ?? '';
  return Number.isInteger(value) ? String(value).replace('-', '−') : formatValue(value);
}

const bare = (name: string): string => name.replace(/[\s_-]/g, '').toLowerCase();

/** `subBlocks` as "sub blocks". */
function words(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}
