/** mmap on Linux and macOS through koffi. Source: POSIX mmap(2), munmap(2), memcpy(3). */
import koffi from 'koffi';
import { QuarrelError } from '../../shared/base/errors';
import type { MappingApi } from './mapping-api';

type Mmap = (address: number, length: number, protection: number, flags: number, fd: number, offset: number) => unknown;
type Munmap = (address: bigint, length: number) => number;
type Memcpy = (dst: Uint8Array, src: bigint, length: number) => void;

// The same on Linux and macOS, x86-64 and arm64.
const PROT_READ = 1;
const MAP_SHARED = 1;
/** MAP_FAILED is (void *)-1. */
const MAP_FAILED = 2n ** 64n - 1n;

export function posixMapping(): MappingApi {
  const process = koffi.load(null);
  const mmap = process.func('uintptr_t mmap(uintptr_t, size_t, int, int, int, int64_t)') as Mmap;
  const munmap = process.func('int munmap(uintptr_t, size_t)') as Munmap;
  // The address is a plain integer: koffi must not make a view of it, which V8's memory cage forbids.
  const memcpy = process.func('void memcpy(_Out_ void *, uintptr_t, size_t)') as Memcpy;
  return {
    map(path, fd, size) {
      const address = BigInt.asUintN(64, BigInt(mmap(0, size, PROT_READ, MAP_SHARED, fd, 0) as number | bigint));
      if (address === MAP_FAILED) throw new QuarrelError(`${path}: cannot be mapped, mmap of ${size} bytes failed`);
      return address;
    },
    unmap(address, size) {
      munmap(address, size);
    },
    copy(dst, address, length) {
      memcpy(dst, address, length);
    },
  };
}
