import type { BlockLinks } from '../../../shared/quant/block-links';

/** What the pointer or the keyboard is on. `entry` counts a field's values. */
export type Focus =
  | { readonly kind: 'element'; readonly element: number }
  | { readonly kind: 'byte'; readonly byte: number }
  | { readonly kind: 'field'; readonly field: string }
  | { readonly kind: 'entry'; readonly field: string; readonly entry: number };

/** What belongs together with it: 1 where linked. */
export interface Highlight {
  readonly bytes: Uint8Array;
  readonly elements: Uint8Array;
  readonly fields: ReadonlyMap<string, Uint8Array>;
}

/** Everything that depends on a bit that the focus depends on; of a focused element only itself, not its neighbours. */
export function highlightOf(links: BlockLinks, focus: Focus): Highlight {
  const lit = new Uint8Array(links.bits);
  for (const bit of bitsOf(links, focus)) lit[bit] = 1;
  const touches = (bits: readonly number[]): number => (bits.some((bit) => lit[bit] === 1) ? 1 : 0);
  const bytes = new Uint8Array(links.bits / 8);
  for (let bit = 0; bit < lit.length; bit++) if (lit[bit] === 1) bytes[bit >> 3] = 1;
  const elements =
    focus.kind === 'element'
      ? Uint8Array.from(links.elements, (_, i) => (i === focus.element ? 1 : 0))
      : Uint8Array.from(links.elements, touches);
  return { bytes, elements, fields: new Map(links.fields.map((f) => [f.name, Uint8Array.from(f.values, touches)])) };
}

function bitsOf(links: BlockLinks, focus: Focus): readonly number[] {
  switch (focus.kind) {
    case 'element':
      return links.elements[focus.element] ?? [];
    case 'byte':
      return Array.from({ length: 8 }, (_, i) => 8 * focus.byte + i);
    case 'field':
      return links.fields.find((f) => f.name === focus.field)?.values.flat() ?? [];
    case 'entry':
      return links.fields.find((f) => f.name === focus.field)?.values[focus.entry] ?? [];
  }
}

/** For each byte the indices of the fields that have bits in it, ascending. */
export function fieldsOfBytes(links: BlockLinks): readonly (readonly number[])[] {
  const found = Array.from({ length: links.bits / 8 }, () => new Set<number>());
  links.fields.forEach((field, f) => {
    for (const bit of field.values.flat()) found[bit >> 3]?.add(f);
  });
  return found.map((set) => [...set].sort((a, b) => a - b));
}
