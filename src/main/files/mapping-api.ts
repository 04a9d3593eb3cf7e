import { posixMapping } from './mapping-posix';
import { windowsMapping } from './mapping-windows';

/** What a platform offers to map a file. Addresses are plain integers: no view of them is ever made. */
export interface MappingApi {
  /** Maps the whole file read-only and returns its address. Throws QuarrelError. `fd` is an open descriptor of it. */
  map(path: string, fd: number, size: number): bigint;
  unmap(address: bigint, size: number): void;
  /** Copies `length` bytes from `address` to the start of `dst`. */
  copy(dst: Uint8Array, address: bigint, length: number): void;
}

let api: MappingApi | undefined;

/** The platform's mapping functions, loaded at first use. */
export function mappingApi(): MappingApi {
  api ??= process.platform === 'win32' ? windowsMapping() : posixMapping();
  return api;
}
