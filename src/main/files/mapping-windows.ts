/**
 * File mapping on Windows through koffi. Source: Microsoft's documentation of CreateFileW, CreateFileMappingW,
 * MapViewOfFile, UnmapViewOfFile, CloseHandle and RtlMoveMemory. Written from it; not run by this project's CI.
 */
import koffi from 'koffi';
import { QuarrelError } from '../../shared/base/errors';
import type { MappingApi } from './mapping-api';

type Call = (...args: unknown[]) => number | bigint;

const GENERIC_READ = 0x80000000;
const FILE_SHARE_READ_WRITE_DELETE = 1 | 2 | 4;
const OPEN_EXISTING = 3;
const FILE_ATTRIBUTE_NORMAL = 0x80;
/** INVALID_HANDLE_VALUE is (HANDLE)-1. */
const INVALID_HANDLE = 2n ** 64n - 1n;
const PAGE_READONLY = 2;
const FILE_MAP_READ = 4;

export function windowsMapping(): MappingApi {
  const kernel32 = koffi.load('kernel32.dll');
  const declare = (signature: string): Call => kernel32.func(signature) as Call;
  // HANDLE and addresses are declared as integers: they are only handed back.
  const createFile = declare(
    'uintptr_t __stdcall CreateFileW(const char16_t *, uint32_t, uint32_t, uintptr_t, uint32_t, uint32_t, uintptr_t)',
  );
  const createFileMapping = declare(
    'uintptr_t __stdcall CreateFileMappingW(uintptr_t, uintptr_t, uint32_t, uint32_t, uint32_t, uintptr_t)',
  );
  const mapView = declare('uintptr_t __stdcall MapViewOfFile(uintptr_t, uint32_t, uint32_t, uint32_t, size_t)');
  const unmapView = declare('int __stdcall UnmapViewOfFile(uintptr_t)');
  const closeHandle = declare('int __stdcall CloseHandle(uintptr_t)');
  const getLastError = declare('uint32_t __stdcall GetLastError()');
  const moveMemory = declare('void __stdcall RtlMoveMemory(_Out_ void *, uintptr_t, size_t)');
  const failure = (path: string, call: string): QuarrelError =>
    new QuarrelError(`${path}: cannot be mapped, ${call} failed with error ${getLastError()}`);

  return {
    map(path, _fd, size) {
      const share = FILE_SHARE_READ_WRITE_DELETE;
      const file = BigInt(createFile(path, GENERIC_READ, share, 0, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, 0));
      if (BigInt.asUintN(64, file) === INVALID_HANDLE) throw failure(path, 'CreateFileW');
      // A view keeps the mapping alive and the mapping the file, so both handles are closed at once.
      try {
        const mapping = createFileMapping(file, 0, PAGE_READONLY, 0, 0, 0);
        if (BigInt(mapping) === 0n) throw failure(path, 'CreateFileMappingW');
        try {
          const address = BigInt(mapView(mapping, FILE_MAP_READ, 0, 0, size));
          if (address === 0n) throw failure(path, 'MapViewOfFile');
          return address;
        } finally {
          closeHandle(mapping);
        }
      } finally {
        closeHandle(file);
      }
    },
    unmap(address) {
      unmapView(address);
    },
    copy(dst, address, length) {
      moveMemory(dst, address, length);
    },
  };
}
