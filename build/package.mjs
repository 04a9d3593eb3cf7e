/**
 * `npm run package`: the app as a folder that runs by itself, for this machine's platform: Electron with its fuses set, the
 * app in an archive, and what must be a real file (worker threads, native libraries, mapped files) beside it. Installers
 * are not made here.
 */
import { chmodSync, cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from './project-root.mjs';
import { reportingFailure, setUp } from './setup.mjs';
import { say, SetupError } from './setup/log.mjs';

/** The app's own files; the packages that its bundles leave outside come on top. */
const OWN = ['package.json', 'LICENSE', 'out/main', 'out/preload', 'out/renderer', 'shaders', 'resources'];
/** The command line runs on Node, not on Electron. */
const EXTERNAL = ['koffi', 'piscina'];
const LLAMA = { linux: '@node-llama-cpp/linux-' + process.arch };
/** What must be a real file: threads, child processes, dlopen and mmap know no archives. */
const UNPACKED = '{package.json,out/main/**,shaders/**,resources/**,node_modules/**}';

/**
 * @param {import('./environment.mjs').Environment} environment
 * @param {string} target folder, made anew
 * @returns {Promise<string>} the executable
 */
export async function makePackage({ electronDist }, target) {
  const llama = LLAMA[process.platform];
  if (!llama) throw new SetupError(`packages are made for Linux so far, not for ${process.platform}`);
  const { createPackageWithOptions } = await import('@electron/asar');
  const { setFuses } = await import('./package/fuses.mjs');
  const { runtimePackages } = await import('./package/runtime-packages.mjs');
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  cpSync(electronDist, target, { recursive: true });
  const resources = join(target, 'resources');
  for (const name of ['app', 'default_app.asar']) rmSync(join(resources, name), { recursive: true, force: true });
  const executable = join(target, 'quarrel');
  renameSync(join(target, 'electron'), executable);
  const staging = join(target, 'staging');
  const packages = runtimePackages(join(projectRoot, 'node_modules'), [...EXTERNAL, llama]);
  for (const path of [...OWN, ...packages.map((name) => `node_modules/${name}`)]) {
    cpSync(join(projectRoot, path), join(staging, path), { recursive: true, dereference: true });
  }
  await createPackageWithOptions(staging, join(resources, 'app.asar'), { unpack: join(staging, UNPACKED), dot: true });
  rmSync(staging, { recursive: true });
  cpSync(join(projectRoot, 'build', 'package', 'apparmor-quarrel'), join(target, 'apparmor-quarrel'));
  // Takes effect where an installer gives it to root; without it the sandbox needs user namespaces.
  chmodSync(join(target, 'chrome-sandbox'), 0o4755);
  await setFuses(executable);
  return executable;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await reportingFailure(async () => {
    const environment = await setUp();
    const { bundleAll } = await import('./bundle.mjs');
    await bundleAll();
    say(
      `packaged: ${await makePackage(environment, join(projectRoot, 'dist', `quarrel-${process.platform}-${process.arch}`))}`,
    );
  });
}
