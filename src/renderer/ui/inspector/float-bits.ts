/** One bit of an f32 as it is shown. */
export interface ShownBit {
  readonly bit: '0' | '1';
  /** Differs from the judge's. */
  readonly differs: boolean;
}

/** An f32's bits in groups: sign, exponent, mantissa. Both in hexadecimal digits. */
export function bitGroups(hex: string, judge: string | undefined): readonly (readonly ShownBit[])[] {
  const own = binary(hex);
  const exact = judge === undefined ? own : binary(judge);
  const bits = Array.from(own, (bit, i): ShownBit => ({ bit: bit === '1' ? '1' : '0', differs: bit !== exact[i] }));
  return [bits.slice(0, 1), bits.slice(1, 9), bits.slice(9)];
}

/** How many bits two f32 differ in. */
export function differingBits(a: string, b: string): number {
  const [x, y] = [binary(a), binary(b)];
  return Array.from(x).filter((bit, i) => bit !== y[i]).length;
}

/** The f32 with these bits. */
export function valueOf(hex: string): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, Number.parseInt(hex, 16));
  return view.getFloat32(0);
}

function binary(hex: string): string {
  return Number.parseInt(hex, 16).toString(2).padStart(32, '0');
}
