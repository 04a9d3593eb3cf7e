import { elementCount } from '../graph/graph';
import type { OpShape, ViewOp } from './op';
import { dimsText } from './tensor-shape';

/**
 * NONE, VIEW, RESHAPE, PERMUTE and TRANSPOSE compute nothing: the node's own ne, nb and view offset say all.
 * Source: `ggml_view_*`, `ggml_reshape_*`, `ggml_permute`, `ggml_transpose` in ggml.c.
 */
export const VIEW_OP: ViewOp = { how: 'view', check: () => undefined };

/** As many elements as before, in another shape. */
export const REARRANGING_VIEW_OP: ViewOp = { how: 'view', check: checkSameCount };

function checkSameCount({ dst, src }: OpShape): string | undefined {
  const source = src[0];
  if (!source) return 'source 0 is missing';
  if (elementCount(source.ne) === elementCount(dst.ne)) return undefined;
  return `${dimsText(source.ne)} becomes ${dimsText(dst.ne)}: another number of elements`;
}
