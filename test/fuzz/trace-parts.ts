import fs from 'node:fs';
import { LENGTH_PREFIX_BYTES } from '../../src/shared/trace/safetensors';
import type { Chance } from './chance';
import { mutateJson } from './mutate-json';

/** A safetensors file taken apart. */
export interface Parts {
  readonly header: Readonly<Record<string, unknown>>;
  readonly data: Uint8Array;
}

export function partsOf(file: string): Parts {
  const bytes = fs.readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Parts['header'];
  return { header, data: bytes.subarray(8 + length) };
}

/** @param header as text where it need not be JSON */
export function assembled(header: string | Parts['header'], data: Uint8Array): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(LENGTH_PREFIX_BYTES);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

/** The file with its manifest damaged and all else in order. */
export function withDamagedManifest(parts: Parts, chance: Chance): Buffer {
  const metadata = parts.header['__metadata__'] as Record<string, string>;
  const manifest = mutateJson(JSON.parse(metadata['manifest'] ?? '{}'), chance);
  return assembled({ ...parts.header, __metadata__: { ...metadata, manifest } }, parts.data);
}
