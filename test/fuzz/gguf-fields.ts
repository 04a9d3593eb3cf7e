import { VALUE_BYTES, GGUF_VALUE_TYPES } from '../../src/shared/gguf/value-type';
import type { Field } from './mutate-bytes';

/** The fields of a sound GGUF header on which all else hangs, found by walking it. */
export function ggufFields(bytes: Uint8Array<ArrayBuffer>): readonly Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: Field[] = [];
  let at = 4;
  const u32 = (): number => {
    fields.push({ at, bytes: 4 });
    at += 4;
    return view.getUint32(at - 4, true);
  };
  const u64 = (): number => {
    fields.push({ at, bytes: 8 });
    at += 8;
    return Number(view.getBigUint64(at - 8, true));
  };
  const text = (): void => {
    const length = u64();
    at += length;
  };
  const value = (type: number): void => {
    const name = GGUF_VALUE_TYPES[type];
    const size = name && VALUE_BYTES[name];
    if (name === 'str') return text();
    if (size !== undefined) {
      fields.push({ at, bytes: size === 8 ? 8 : 4 });
      at += size;
      return;
    }
    const element = u32();
    for (let n = u64(); n > 0; n--) value(element);
  };
  u32();
  const [tensors, entries] = [u64(), u64()];
  for (let i = 0; i < entries; i++) {
    text();
    value(u32());
  }
  for (let i = 0; i < tensors; i++) {
    text();
    for (let dims = u32(); dims > 0; dims--) u64();
    u32();
    u64();
  }
  return fields;
}
