import koffi from 'koffi';

import type { Pointer, LlamaLibrary } from './llama-library';
import { BACKEND_REG } from './struct-layouts';

/** `MADV_WILLNEED` and `MADV_DONTNEED`, the same on Linux and macOS. */
const WILL_NEED = 3;
const DONT_NEED = 4;
const CPU_DEVICE = 0; // GGML_BACKEND_DEVICE_TYPE_CPU
const IS_NUMA = 'ggml_backend_cpu_is_numa';
/** No weight page is shared with its neighbour's live data: ranges shrink to whole pages of the largest common size. */
const PAGE = 16384n;

/**
 * Runs `load` while llama.cpp's mapping skips its prefetch, so that a mapped model costs only the pages that are
 * touched. On Linux llama.cpp maps with MAP_POPULATE, which makes the whole file resident; it does not where the CPU
 * backend says that the machine is NUMA (`llama_mmap::impl` in src/llama-mmap.cpp, asked through the backend's
 * `get_proc_address`). So for the time of the load that one question is answered with "yes". Elsewhere, and where the
 * backend's struct is not as known, `load` simply runs.
 */
export function withoutPrefetch<T>(library: LlamaLibrary, load: () => T): T {
  const reg = cpuReg(library);
  if (process.platform !== 'linux' || reg === undefined) return load();
  const slot = reg + BigInt(BACKEND_REG.getProcAddressOffset);
  const original = koffi.decode(slot, 'void *') as bigint;
  const proto = koffi.proto('void *', ['void *', 'str']);
  const yes = koffi.load(library.files.llama).symbol('llama_supports_mmap') as bigint; // bool(void), true on Linux
  const replacement = koffi.register(
    (self: bigint, name: string): Pointer =>
      name === IS_NUMA ? yes : (koffi.call(original, proto, self, name) as Pointer),
    koffi.pointer(proto),
  );
  koffi.encode(slot, 'void *', replacement);
  try {
    return load();
  } finally {
    koffi.encode(slot, 'void *', original);
    koffi.unregister(replacement);
  }
}

/** The CPU backend's registry entry where its struct is laid out as known, undefined elsewhere. */
function cpuReg(library: LlamaLibrary): bigint | undefined {
  const device = library.ggml_backend_dev_by_type(CPU_DEVICE);
  if (device === null || !library.llama_supports_mmap()) return undefined;
  const reg = library.ggml_backend_dev_backend_reg(device);
  const at = (offset: number): bigint => koffi.decode(reg + BigInt(offset), 'void *') as bigint;
  if (koffi.decode(reg, 'int') !== BACKEND_REG.apiVersion) return undefined;
  const name = koffi.call(at(BACKEND_REG.getNameOffset), koffi.proto('str', ['void *']), reg) as string;
  return name === library.ggml_backend_reg_name(reg) ? reg : undefined;
}

/**
 * Keeps the resident part of a mapped model to the weights in use: announces a weight before its node runs, gives its
 * pages back after. A weight is read once per run, so nothing is lost. Does nothing on Windows.
 */
export class WeightPager {
  private readonly madvise: ((address: bigint, length: bigint, advice: number) => number) | undefined;

  constructor() {
    if (process.platform === 'linux' || process.platform === 'darwin') {
      this.madvise = koffi.load(null).func('madvise', 'int', ['void *', 'size_t', 'int']);
    }
  }

  willNeed(address: bigint, bytes: number): void {
    this.advise(address, bytes, WILL_NEED);
  }

  release(address: bigint, bytes: number): void {
    this.advise(address, bytes, DONT_NEED);
  }

  private advise(address: bigint, bytes: number, advice: number): void {
    const begin = ((address + PAGE - 1n) / PAGE) * PAGE;
    const end = ((address + BigInt(bytes)) / PAGE) * PAGE;
    if (end > begin) this.madvise?.(begin, end - begin, advice);
  }
}
