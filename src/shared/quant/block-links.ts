import { defined } from '../base/assert';
import type { GgmlTypeName } from './ggml-type';
import { supportedFormat } from './registry';

/** Which bits of a block each decoded thing depends on. Bit 8p + q is bit q of byte p. */
export interface BlockLinks {
  readonly bits: number;
  readonly fields: readonly FieldLinks[];
  /** Bits behind each value, its scales' included. */
  readonly elements: readonly (readonly number[])[];
}

export interface FieldLinks {
  readonly name: string;
  /** Bits behind each of the field's values. */
  readonly values: readonly (readonly number[])[];
}

/**
 * A block hides a dependency where a code is multiplied by 0, two grid entries agree or a low bit is rounded away; a few
 * blocks hide none. Fields say more plainly what their bits are, and cost more.
 */
const FIELD_TRIALS = 2;
const VALUE_TRIALS = 12;

const known = new Map<GgmlTypeName, BlockLinks>();

/**
 * Finds the links by flipping every bit of a few pseudo-random blocks and decoding again: what changes depends on it.
 * So they are true of the very decoders, for all formats, without a second description of any layout.
 */
export function blockLinks(type: GgmlTypeName): BlockLinks {
  const links = known.get(type) ?? findLinks(type);
  known.set(type, links);
  return links;
}

function findLinks(type: GgmlTypeName): BlockLinks {
  const { blockBytes, blockElements, fields, dequantize } = supportedFormat(type);
  const bits = 8 * blockBytes;
  const decode = (block: Uint8Array): Float32Array => {
    const values = new Float32Array(blockElements);
    dequantize(block, 0, 1, values, 0);
    return values;
  };
  const names = fields(new Uint8Array(blockBytes)).map(({ name }) => name);
  const lists = (block: Uint8Array): ArrayLike<number>[] => fields(block).map(({ values }) => values);
  const values = dependencies(blockBytes, VALUE_TRIALS, (block) => [decode(block)]);
  const perField = dependencies(blockBytes, FIELD_TRIALS, lists);
  return {
    bits,
    fields: names.map((name, f) => ({ name, values: defined(perField[f], `links of field ${name}`) })),
    elements: defined(values[0], 'links of the values'),
  };
}

/** For every number of every list that `decode` returns: the bits whose flip changed it in any trial, ascending. */
function dependencies(
  blockBytes: number,
  trials: number,
  decode: (block: Uint8Array) => readonly ArrayLike<number>[],
): number[][][] {
  const found: Set<number>[][] = [];
  for (let trial = 0; trial < trials; trial++) {
    const block = pseudoRandomBlock(blockBytes, trial);
    const before = decode(block);
    if (trial === 0) found.push(...before.map((list) => Array.from(list, () => new Set<number>())));
    for (let bit = 0; bit < 8 * blockBytes; bit++) {
      block[bit >> 3]! ^= 1 << (bit & 7);
      decode(block).forEach((list, l) => {
        const [old, sets] = [before[l]!, found[l]!];
        for (let i = 0; i < list.length; i++) if (!Object.is(list[i], old[i])) sets[i]!.add(bit);
      });
      block[bit >> 3]! ^= 1 << (bit & 7);
    }
  }
  return found.map((list) => list.map((set) => [...set].sort((a, b) => a - b)));
}

/**
 * The first is all zero: in a large integer low bits would be rounded away. Always the same blocks, so that links are
 * reproducible (32-bit linear congruences of Numerical Recipes).
 */
function pseudoRandomBlock(bytes: number, seed: number): Uint8Array<ArrayBuffer> {
  let state = seed;
  if (seed === 0) return new Uint8Array(bytes);
  return Uint8Array.from({ length: bytes }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}
