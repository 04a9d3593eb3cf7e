/** An attention mask as hypotheses change it: 0 or a finite bias where a query sees a key, −∞ where it does not. */
import { floatParam } from '../../../ops/op';
import type { Site } from '../../site';
import { evaluateChanged, sourceTensor } from '../../site';

const MASK_INDEX: Readonly<Partial<Record<string, number>>> = { SOFT_MAX: 1, FLASH_ATTN_EXT: 3 };

export interface Mask {
  /** Which source it is. */
  readonly index: number;
  /** Rows of `keys` values; all planes one after another. */
  readonly values: Float32Array;
  readonly keys: number;
  /** Rows per plane: queries, and padding after them. */
  readonly rows: number;
}

/** Undefined where the node has no mask. */
export function maskOf(site: Site): Mask | undefined {
  const index = MASK_INDEX[site.node.kind];
  const t = index === undefined ? undefined : sourceTensor(site, index);
  const values = index === undefined ? undefined : site.source(index);
  if (index === undefined || !t || !values) return undefined;
  return { index, values, keys: t.ne[0], rows: t.ne[1] };
}

/** The node's result with another mask. */
export function withMask(site: Site, values: Float32Array): Float32Array {
  const mask = maskOf(site);
  return evaluateChanged(site, { sources: mask ? new Map([[mask.index, values]]) : new Map() });
}

/** What the rows of a plane see. */
export interface Sight {
  /** Per row the first and the last visible key; −1 where it sees none. */
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** Keys that some row sees: 1. */
  readonly seen: Uint8Array;
  /** One past the last key that some row sees. */
  readonly used: number;
}

export function sightOf({ values, keys, rows }: Mask, plane: number): Sight {
  const first = new Int32Array(rows).fill(-1);
  const last = new Int32Array(rows).fill(-1);
  const seen = new Uint8Array(keys);
  let used = 0;
  for (let r = 0, at = plane * rows * keys; r < rows; r++, at += keys) {
    for (let k = 0; k < keys; k++) {
      if (values[at + k] === -Infinity) continue;
      if (first[r] === -1) first[r] = k;
      last[r] = k;
      seen[k] = 1;
    }
    used = Math.max(used, (last[r] as number) + 1);
  }
  return { first, last, seen, used };
}

/** Changes one row: `row` is a copy of the mask's, to be written. */
export type EditRow = (row: Float32Array, r: number, sight: Sight) => void;

/** The mask with every row that sees something edited. */
export function editedMask(mask: Mask, edit: EditRow): Float32Array {
  const { keys, rows } = mask;
  const out = mask.values.slice();
  const planes = out.length / (rows * keys);
  for (let plane = 0; plane < planes; plane++) {
    const sight = sightOf(mask, plane);
    for (let r = 0; r < rows; r++) {
      if ((sight.last[r] as number) < 0) continue;
      const at = (plane * rows + r) * keys;
      edit(out.subarray(at, at + keys), r, sight);
    }
  }
  return out;
}

/** Whether the mask also biases what is visible (ALiBi). */
export function hasAlibi({ node }: Site): boolean {
  return floatParam(node.opParams, 1) > 0;
}
