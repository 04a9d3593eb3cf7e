/** What the error of one result looks like, the most telling first. */
import type { ShapeFinding } from '../../divergence/cause';
import type { OpKind } from '../../graph/ggml-op';
import type { Site } from '../site';
import type { Elements } from './elements';
import { growthFindings } from './growth';
import { moveFindings } from './moves';
import { nonFiniteFindings } from './non-finite';
import { placeFindings } from './places';
import { ratioFindings } from './ratios';

/** Findings that are reported. */
const MOST = 6;

/** @param site the node with its inputs, where it could be run again */
export function shapeFindings(elements: Elements, kind: OpKind, site?: Site): readonly ShapeFinding[] {
  if (elements.off === 0) return [];
  const tokens = elements.ne[2] > 1 && kind !== 'MUL_MAT' && kind !== 'SOFT_MAX' ? 2 : 1;
  const found = [
    ...nonFiniteFindings(elements, site),
    ...moveFindings(elements),
    ...ratioFindings(elements),
    ...placeFindings(elements, kind),
    ...growthFindings(elements, tokens),
  ];
  return found.length > 0 ? found.slice(0, MOST) : [spread(elements)];
}

/** Where nothing stands out. */
function spread({ off, compared }: Elements): ShapeFinding {
  return {
    kind: 'spread',
    text: `The error is spread over all rows and columns: ${off} of ${compared} elements are off.`,
  };
}
