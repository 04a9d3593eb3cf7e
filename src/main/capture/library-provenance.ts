import fs from 'node:fs';
import path from 'node:path';

import type { LlamaLibrary } from './llama-library';

/** What identifies the library behind a trace: version, folder, CPU variant, the features it was built with. */
export function libraryProvenance(library: LlamaLibrary): Readonly<Record<string, string>> {
  const variant = cpuVariant();
  return {
    library: `llama.cpp ${library.llama_version()}`,
    ggml: library.ggml_version(),
    build: library.files.label,
    ...(variant === undefined ? {} : { cpuVariant: variant }),
    features: library.llama_print_system_info().trim(),
  };
}

/** File name of the CPU backend that the library chose; known only where the system lists a process's mappings. */
function cpuVariant(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const mapped = /\S*ggml-cpu[^/\s]*$/m.exec(fs.readFileSync('/proc/self/maps', 'utf8'));
  return mapped ? path.basename(mapped[0]) : undefined;
}
