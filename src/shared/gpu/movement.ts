import { isFloat } from '../ops/tensor-shape';
import type { Operand } from './kernel-call';
import type { ElementType, StoredType } from './shader-variant';
import { isElementType } from './shader-variant';

/** How kernels move elements, by `lib/move.wgsl` or as it does. */
export interface Movement {
  /** What the destination's bits are stored as. */
  readonly dst: StoredType;
  /** What the sources' bits are loaded as. */
  readonly element: ElementType;
  /** 32-bit words per element, the constant WORDS; F16 and BF16 count as one. */
  readonly words: 1 | 2;
}

/** Floats that become floats, or indices between equal types; undefined for others, and for sources of unlike types. */
export function movementOf(dst: Operand, source: Operand, ...others: readonly Operand[]): Movement | undefined {
  if (others.some((other) => other.type !== source.type)) return undefined;
  if (isFloat(dst.type)) {
    return isFloat(source.type) ? { dst: dst.type, element: source.type, words: 1 } : undefined;
  }
  if (source.type !== dst.type) return undefined;
  // a word is moved as an I32, whatever it is a part of
  if (dst.type === 'I64') return { dst: 'I32', element: 'I32', words: 2 };
  return isElementType(dst.type) ? { dst: 'I32', element: 'I32', words: 1 } : undefined;
}
