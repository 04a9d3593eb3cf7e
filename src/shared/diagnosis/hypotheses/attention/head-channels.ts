/** Channels of a head in another order. A layout says at which channel each new one was: `out[c] = in[layout[c]]`. */

/** From pairs (i, i + n/2) to pairs (2i, 2i + 1). */
export function interleavedFromHalves(n: number): Int32Array {
  return Int32Array.from({ length: n }, (_, c) => (c >> 1) + (c % 2) * (n / 2));
}

/** From pairs (2i, 2i + 1) to pairs (i, i + n/2). */
export function halvesFromInterleaved(n: number): Int32Array {
  return Int32Array.from({ length: n }, (_, c) => (c < n / 2 ? 2 * c : 2 * c - n + 1));
}

/**
 * The same layout in every head.
 * @param values heads of `channels` values; the layout covers those from `first` on
 */
export function withLayout(values: Float32Array, channels: number, layout: Int32Array, first = 0): Float32Array {
  const out = values.slice();
  for (let at = first; at < values.length; at += channels) {
    for (let c = 0; c < layout.length; c++) out[at + c] = values[at + (layout[c] as number)] as number;
  }
  return out;
}
