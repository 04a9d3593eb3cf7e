import type { Chance } from './chance';

/** Where a field of a file lies that others depend on: a count, a length, a type, an offset. */
export interface Field {
  readonly at: number;
  readonly bytes: 4 | 8;
}

const EXTREMES: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 4n, 5n, 7n, 12n, 13n, 31n, 36n, 42n, 43n, 63n, 64n, 255n, 1024n, 65_535n, 65_536n],
  ...[2n ** 20n, 2n ** 26n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 40n, 2n ** 53n, 2n ** 62n],
  ...[2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 8n, 2n ** 64n - 4n, 2n ** 64n - 1n],
];

/** A copy with some fields, bytes, stretches or the length changed. */
export function mutateBytes(
  whole: Uint8Array,
  chance: Chance,
  fields: readonly Field[],
  headerBytes: number,
): Uint8Array<ArrayBuffer> {
  let bytes = Uint8Array.from(whole);
  for (let n = chance.times(4); n > 0; n--) bytes = mutated(bytes, chance, fields, headerBytes);
  return bytes;
}

function mutated(
  bytes: Uint8Array<ArrayBuffer>,
  chance: Chance,
  fields: readonly Field[],
  headerBytes: number,
): Uint8Array<ArrayBuffer> {
  const header = Math.min(headerBytes, bytes.length);
  if (header === 0) return bytes;
  const at = chance.below(header);
  switch (chance.below(fields.length > 0 ? 9 : 6)) {
    case 0:
      bytes[at] = chance.of([0, 1, 0x7f, 0x80, 0xff, chance.below(256)]);
      return bytes;
    case 1:
      bytes[at]! ^= 1 << chance.below(8);
      return bytes;
    case 2:
      return bytes.slice(0, chance.below(bytes.length + 1));
    case 3: // a stretch comes once more
      return joined(bytes.subarray(0, at), bytes.subarray(chance.below(at + 1)));
    case 4: // or is missing
      return joined(bytes.subarray(0, at), bytes.subarray(at + chance.times(64)));
    case 5: // or is somebody else's
      bytes.copyWithin(at, chance.below(bytes.length), chance.below(bytes.length));
      return bytes;
    default:
      setField(bytes, chance.of(fields), chance);
      return bytes;
  }
}

function setField(bytes: Uint8Array<ArrayBuffer>, { at, bytes: width }: Field, chance: Chance): void {
  if (at + width > bytes.length) return;
  const view = new DataView(bytes.buffer, at);
  const old = width === 8 ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true));
  const value = BigInt.asUintN(8 * width, chance.of([...EXTREMES, old + 1n, old - 1n, old * 2n, -old]));
  if (width === 8) view.setBigUint64(0, value, true);
  else view.setUint32(0, Number(value), true);
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
