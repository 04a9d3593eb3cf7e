import { stepKey } from '../../shared/trace/steps';
import { roundedLines, roundingWords } from '../../shared/divergence/rounded-words';
import type { Verdict } from '../../shared/divergence/verdict';
import { error } from '../cli/text/table';
import type { Block, Section } from './report-parts';
import { paragraph, section, tableOf } from './report-parts';

const LISTED = 12;

/** What rounds, and to what: a line where that is everywhere, a table of the kinds otherwise, and each node on demand. */
export function roundedSection(v: Verdict): Section[] {
  const { rounded } = v;
  if (rounded.length === 0) return [];
  const { precision, sentences } = roundingWords(v);
  const blocks: Block[] = [
    ...(precision === undefined ? [] : [paragraph(`The candidate ${precision}.`)]),
    paragraph(
      'Their errors are above the noise floor, but are what a lower precision makes of these very inputs, in size and ' +
        `without structure: no mistake.${v.strict ? ' Rounding counts as a difference here (strict).' : ''}`,
    ),
    ...(sentences.length === 0 ? [] : [kinds(v)]),
    { kind: 'folded', summary: `All ${rounded.length} of them`, table: eachNode(v) },
  ];
  return [section(`Rounded: ${rounded.length} of ${v.compared} nodes`, blocks)];
}

function kinds(v: Verdict): Block {
  const rows = roundedLines(v).map(({ what, nodes }) => {
    const more = nodes.length > LISTED ? ` and ${nodes.length - LISTED} more` : '';
    return [what, String(nodes.length), `${nodes.slice(0, LISTED).join(', ')}${more}`];
  });
  return tableOf(['what', 'nodes', 'where'], rows, [1]);
}

function eachNode({ rounded }: Verdict): ReturnType<typeof tableOf> {
  const rows = rounded.map(({ step, node, op, rounding, localNmse, noiseFloor }) => [
    stepKey(step, node),
    op,
    rounding.text,
    error(localNmse),
    error(noiseFloor),
    rounding.reproduced ? 'reproduced' : 'of the size it makes',
  ]);
  return tableOf(['node', 'op', 'what', 'local NMSE', 'noise floor', 'told by'], rows, [3, 4]);
}
