import type { Verdict } from '../../../shared/divergence/verdict';

const MARKS = {
  equal: 'equal',
  same: 'same',
  different: 'DIFFERENT',
  unusable: 'UNUSABLE',
  'not-measured': 'not measured',
} as const;
/** Further lines of a rung that is not equal. */
const DETAILS = 6;

/** What makes the run a wrong one though every node is right. */
export function otherwiseWrong(v: Verdict): string {
  // the tokens' rung is what the cause was read off
  const rungs = v.preflight.filter((r) => r.state === 'different' && !(v.cause && r.id === 'tokens'));
  const different = [...rungs, ...v.observations.filter((o) => o.state === 'different')];
  return [...(v.cause ? [v.cause.title] : []), ...different.map((o) => o.text)].join('; ');
}

/** What was checked beside the nodes. */
export function checksText(v: Verdict): string[] {
  const rungs = v.preflight.flatMap(({ title, state, text, details }) => [
    `preflight   ${title}: ${MARKS[state]}; ${text}`,
    ...(state === 'different' || state === 'unusable'
      ? details.slice(0, DETAILS).map((line) => `            ${line}`)
      : []),
  ]);
  const observed = v.observations.map(({ title, state, text }) => `observed    ${title}: ${MARKS[state]}; ${text}`);
  const runs = v.runs === null ? [] : [`runs        ${v.runs} of the foreign program`];
  return [...rungs, ...observed, ...runs];
}
