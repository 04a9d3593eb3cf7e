/**
 * Makes a checkout ready: packages, system libraries, an Electron binary, the software GPU. Runs before `npm start` and
 * `npm test`; a second run takes well under a second. Plain Node, since nothing is installed when it starts.
 */
import { pathToFileURL } from 'node:url';
import { readEnvironment, writeEnvironment } from './environment.mjs';
import { ensureDependencies } from './setup/dependencies.mjs';
import { ensureElectron } from './setup/electron.mjs';
import { say, SetupError } from './setup/log.mjs';
import { ensureSystemLibraries, ensureTestLibraries } from './setup/system-libraries.mjs';
import { ensureVulkanLibrary, vulkanLibrary } from './setup/vulkan-package.mjs';

/**
 * @param {{ forTests?: boolean }} options `forTests`: what only tests need, too
 * @returns {Promise<import('./environment.mjs').Environment>}
 */
export async function setUp({ forTests = false } = {}) {
  ensureDependencies();
  ensureSystemLibraries();
  if (forTests) {
    ensureTestLibraries();
    await ensureVulkanLibrary();
  }
  const before = readEnvironment();
  const environment = await ensureElectron();
  if (JSON.stringify(before) !== JSON.stringify(environment)) {
    writeEnvironment(environment);
    say(`Electron ${environment.electronVersion} is ready in ${environment.electronDist}`);
  }
  return environment;
}

/** Runs `work`; an expected failure becomes one line and exit code 1. */
export async function reportingFailure(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const forTests = process.argv.includes('--tests');
  await reportingFailure(() => setUp({ forTests }));
  const vulkan = forTests ? vulkanLibrary() : undefined;
  if (vulkan !== undefined) say(`llama.cpp with Vulkan for tests: llama:vulkan@${vulkan}`);
}
