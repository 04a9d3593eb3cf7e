/**
 * The part of WebAssembly that Node and Electron share and this folder uses. TypeScript declares it only in its DOM
 * library, which plain Node code must not see.
 */
declare namespace WebAssembly {
  /** Compiled code; can be structured-cloned to other threads. */
  class Module {
    constructor(bytes: Uint8Array);
    readonly [Symbol.toStringTag]: 'WebAssembly.Module';
  }
  /** Shared memory; a clone in another thread is the same memory. */
  class Memory {
    constructor(descriptor: { readonly initial: number; readonly maximum: number; readonly shared: true });
    /** Replaced by a longer one after growth; an older buffer stays good for the part it covers. */
    readonly buffer: SharedArrayBuffer;
    /** Grows by pages of 64 KiB and returns the pages before; 0 pages makes another thread's growth visible here. */
    grow(pages: number): number;
  }
  class Instance {
    constructor(module: Module, imports: { readonly env: { readonly memory: Memory } });
    readonly exports: unknown;
  }
}
