/** What was proved about a bad node, or what its error looks like, as a person reads it in a terminal. */
import type { Alternative, Cause } from '../../../shared/divergence/cause';
import { nameOfBad } from '../../../shared/divergence/effect-text';
import type { BadNode } from '../../../shared/divergence/verdict';

/** Width of the paragraphs. */
const COLUMNS = 100;

export function causeText(b: BadNode): string[] {
  return b.cause ? [...proved(b.cause), ...untriedText(b)] : unexplained(b);
}

/** A cause stands, but something else might explain as much. */
function untriedText({ untried }: BadNode): string[] {
  return untried === 0
    ? []
    : [`  budget  spent before ${untried} more ways to go wrong were replayed (--budget none tries all)`];
}

/** A cause that was replayed, or one that preflight read off the tokens. */
export function proved(c: Cause): string[] {
  return [
    `  cause   ${c.title}${withParameters(c)}`,
    c.nodes.length > 0
      ? `          replaying it at ${c.nodes.join(', ')} reproduces ${percent(c.explained)} of the error`
      : '          the tokens themselves prove it',
    ...paragraph('', c.explanation),
    ...paragraph('check', c.whereToLook),
    ...(c.citations.length > 0 ? paragraph('seen in', c.citations.join(', ')) : []),
    ...c.alternatives.map((a) => `  or      ${alternative(a)}`),
  ];
}

function unexplained(b: BadNode): string[] {
  const { shape } = b;
  if (!shape) return ['  cause   not looked into: the budget was spent before (--budget none looks at all)'];
  const untried = b.untried > 0 ? `; the budget was spent before ${b.untried} more (--budget none tries all)` : '';
  return [
    `  cause   unexplained: ${b.tried} ways to go wrong were replayed, none reproduces the error${untried}`,
    `  shape   ${percent(shape.wrongShare)} of the elements are off`,
    ...shape.findings.flatMap((f) => paragraph('', f.text)),
    ...shape.nearMisses.map((a) => `  near    ${alternative(a)}`),
  ];
}

function alternative(a: Alternative): string {
  return `${a.title}${withParameters(a)}: ${percent(a.explained)} at ${a.nodes.join(', ')}`;
}

function withParameters({ parameters }: Alternative): string {
  const entries = Object.entries(parameters);
  if (entries.length === 0) return '';
  return ` (${entries.map(([name, value]) => `${name} ${typeof value === 'number' ? shortNumber(value) : value}`).join(', ')})`;
}

function shortNumber(x: number): string {
  return String(Number(x.toPrecision(6)));
}

/** Never rounded up to 100 %. */
function percent(share: number): string {
  const text = (share * 100).toFixed(share > 0.999 ? 4 : 1);
  return Number(text) >= 100 && share < 1 ? '> 99.9999 %' : `${Number(text)} %`;
}

export function paragraph(label: string, text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > COLUMNS - 10 && line !== '') {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((l, i) => `  ${(i === 0 ? label : '').padEnd(7)} ${l}`);
}

/** Nodes listed per cause. */
const LISTED = 8;

/** The other bad nodes by their causes: one bug in a kernel shows at every node that runs it. */
export function othersText(others: readonly BadNode[]): string[] {
  if (others.length === 0) return [];
  const byCause = new Map<string, string[]>();
  for (const b of others) {
    const cause = b.cause?.title ?? (b.tried > 0 ? 'unexplained' : 'not looked into, the budget was spent before');
    byCause.set(cause, [...(byCause.get(cause) ?? []), nameOfBad(b)]);
  }
  const lines = [...byCause].map(([cause, nodes]) => {
    const more = nodes.length > LISTED ? ` and ${nodes.length - LISTED} more` : '';
    return `  ${nodes.slice(0, LISTED).join(', ')}${more}: ${cause}`;
  });
  return [
    `  ${others.length} more ${others.length === 1 ? 'node is' : 'nodes are'} bad on right inputs`,
    ...lines.map((l) => `        ${l}`),
    '',
  ];
}
