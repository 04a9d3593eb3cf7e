import type { Verdict } from '../../shared/divergence/verdict';
import type { Section } from './report-parts';
import { facts, listed, section, tableOf } from './report-parts';

const LISTED = 12;

/** What was checked beside the nodes, and what was not measured. */
export function checkSections(v: Verdict): Section[] {
  return [...preflight(v), ...observations(v), ...expectation(v), ...notMeasured(v), ...unplaced(v), ...alignment(v)];
}

/** `not-measured` as "not measured". */
function words(state: string): string {
  return state.replace('-', ' ');
}

function preflight({ preflight: rungs }: Verdict): Section[] {
  if (rungs.length === 0) return [];
  const rows = rungs.map((r) => [r.title, words(r.state), [r.text, ...r.details].join(' ')]);
  return [section('Before the layers', [tableOf(['check', 'state', ''], rows)])];
}

function observations({ observations: list }: Verdict): Section[] {
  if (list.length === 0) return [];
  const rows = list.map((o) => [o.title, words(o.state), o.text, o.node ?? '']);
  return [section('Further runs', [tableOf(['run', 'state', '', 'node'], rows)])];
}

function expectation({ expectation: e }: Verdict): Section[] {
  if (!e) return [];
  const met = (ok: boolean | null): string => (ok === null ? 'not measured' : ok ? 'met' : 'missed');
  return [
    section('Expectation', [
      facts([
        ...(e.expected === undefined ? [] : [['next token', e.expected] as const]),
        ...(e.minLogit === undefined ? [] : [['least logit', String(e.minLogit)] as const]),
        ['reference', met(e.reference)],
        ['candidate', met(e.candidate)],
      ]),
    ]),
  ];
}

/** "Not measured" is never passed off as right. */
function notMeasured(v: Verdict): Section[] {
  if (v.notMeasured.length === 0) return [];
  const byReason = new Map<string, string[]>();
  for (const { node, reason } of v.notMeasured) byReason.set(reason, [...(byReason.get(reason) ?? []), node]);
  const rows = [...byReason].map(([reason, nodes]) => {
    const more = nodes.length > LISTED ? ` and ${nodes.length - LISTED} more` : '';
    return [`${nodes.slice(0, LISTED).join(', ')}${more}`, reason];
  });
  return [section(`Not measured: ${v.notMeasured.length}`, [tableOf(['nodes', 'why'], rows)])];
}

function unplaced({ unplaced: names }: Verdict): Section[] {
  if (names.length === 0) return [];
  const rows = names.map(({ name, reason }) => [name, reason]);
  return [section(`Names of the dump that stand for no node: ${names.length}`, [tableOf(['name', 'why'], rows)])];
}

function alignment({ alignment: notes }: Verdict): Section[] {
  return notes.length > 0 ? [section('How the dump was aligned', [listed(notes)])] : [];
}
