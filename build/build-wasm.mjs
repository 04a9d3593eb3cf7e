/**
 * Builds the WebAssembly modules from their AssemblyScript. Called by bundle.mjs; `node build/build-wasm.mjs FOLDER`
 * builds them into FOLDER, each with its text form beside it.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { projectRoot } from './project-root.mjs';

/** Module name → folder of its sources, whose index.ts exports what the module does. `wasmPath` knows the names. */
const modules = { decoders: 'src/main/dequant/assembly', verify: 'src/main/verify/assembly' };

const options = [
  ...['--baseDir', projectRoot],
  ...['--runtime', 'stub'], // no allocation, no garbage collection
  ...['--use', 'abort='], // nothing to import but the memory
  ...['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  ...['--enable', 'simd', '--enable', 'threads'],
  ...['--noAssert', '-O3'],
  '--disableWarning=112', // v128 parameters: of helpers, none of which is exported from the module
];

/**
 * Compiles all modules into `folder`. Throws with the compiler's report.
 * @param {string} folder
 * @param {{ text?: boolean, last?: string }} [also] `last`: folder of the last build, whose modules are copied where
 *   their sources are older (compiling takes seconds)
 */
export async function buildWasm(folder, { text = false, last } = {}) {
  mkdirSync(folder, { recursive: true });
  for (const [name, sources] of Object.entries(modules)) {
    const file = join(folder, `${name}.wasm`);
    const before = last === undefined ? undefined : join(last, `${name}.wasm`);
    // The file gets the time at which its sources were read: they may have changed while it was made.
    let readAt = new Date();
    if (before !== undefined && isFresh(before, sources)) {
      readAt = statSync(before).mtime;
      copyFileSync(before, file);
    } else {
      await buildModule(file, sources, text);
    }
    utimesSync(file, readAt, readAt);
  }
}

function isFresh(built, sources) {
  if (!existsSync(built)) return false;
  const root = join(projectRoot, sources);
  const inputs = [root, ...readdirSync(root).map((name) => join(root, name)), fileURLToPath(import.meta.url)];
  const { mtimeMs } = statSync(built);
  return inputs.every((path) => statSync(path).mtimeMs < mtimeMs);
}

async function buildModule(file, sources, text) {
  const [{ default: asc }, { default: binaryen }] = await Promise.all([
    import('assemblyscript/asc'),
    import('assemblyscript/binaryen'),
  ]);
  const module = inlined(binaryen, await compiled(asc, sources));
  writeFileSync(file, module.emitBinary());
  if (text) writeFileSync(file.replace(/wasm$/, 'wat'), module.emitText());
  module.dispose();
}

async function compiled(asc, sources) {
  const files = new Map();
  const { error, stderr } = await asc.main([`${sources}/index.ts`, '--outFile', 'module.wasm', ...options], {
    writeFile: (name, contents) => void files.set(name, contents),
  });
  const report = stderr.toString().trim();
  if (error) throw new Error(`${sources}: ${report || error.message}`);
  if (report !== '') process.stderr.write(`${report}\n`);
  return files.get('module.wasm');
}

/**
 * Inlines every call. V8 inlines none in WASM, a call costs as much as the decoding of some ten elements, and constants
 * leave the loop only where the loop sees them. AssemblyScript's own limits stop at small helpers.
 */
function inlined(binaryen, binary) {
  const module = binaryen.readBinary(binary);
  const { MVP, SIMD128, Atomics, BulkMemory, BulkMemoryOpt, SignExt, MutableGlobals, NontrappingFPToInt } =
    binaryen.Features;
  module.setFeatures(
    MVP | SIMD128 | Atomics | BulkMemory | BulkMemoryOpt | SignExt | MutableGlobals | NontrappingFPToInt,
  );
  binaryen.setOptimizeLevel(3);
  binaryen.setShrinkLevel(0);
  binaryen.setLowMemoryUnused(true); // the tables begin at 1024: lets added constants become offsets of loads and stores
  binaryen.setAlwaysInlineMaxSize(1000);
  module.optimize();
  return module;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error('usage: node build/build-wasm.mjs FOLDER');
  await buildWasm(folder, { text: true });
}
