/** The CPU backend in several builds beside one library (`libggml-cpu-haswell.so`), of which ggml takes the best. */
import fs from 'node:fs';
import path from 'node:path';

const VARIANT = /^(?:lib)?ggml-cpu-([\w.-]+)\.(?:so|dylib|dll)$/;

/** Names of the CPU builds in a folder, in the order of the alphabet; none where there is only one, without a name. */
export function variantNames(dir: string): readonly string[] {
  return fs
    .readdirSync(dir)
    .flatMap((file) => VARIANT.exec(file)?.[1] ?? [])
    .sort();
}

export function cpuVariantFile(dir: string, variant: string): string | undefined {
  const file = fs.readdirSync(dir).find((name) => VARIANT.exec(name)?.[1] === variant);
  return file === undefined ? undefined : path.join(dir, file);
}
