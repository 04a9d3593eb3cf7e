/** s eeeeeeee mmmmmmmmmmmmmmmmmmmmmmm of f32 bits in hexadecimal digits. */
export function binary(hex: string): string {
  const bits = Number.parseInt(hex, 16).toString(2).padStart(32, '0');
  return `${bits.slice(0, 1)} ${bits.slice(1, 9)} ${bits.slice(9)}`;
}

/** A line to stand below two such texts: ^ where they differ. */
export function marked(a: string, b: string): string {
  return Array.from(a, (bit, i) => (bit === b[i] ? ' ' : '^'))
    .join('')
    .trimEnd();
}
