/** Debian's and Ubuntu's packages that Electron, Dawn and a display without a screen need. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { say } from './log.mjs';
import { run } from './run.mjs';
import { hasVulkanPackage } from './vulkan-package.mjs';

/** Package → a file of it: a library's soname or a program. */
const needed = {
  xvfb: 'Xvfb',
  xauth: 'xauth',
  libnss3: 'libnss3.so',
  'libatk1.0-0': 'libatk-1.0.so.0',
  'libatk-bridge2.0-0': 'libatk-bridge-2.0.so.0',
  libcups2: 'libcups.so.2',
  libdrm2: 'libdrm.so.2',
  'libgtk-3-0': 'libgtk-3.so.0',
  libgbm1: 'libgbm.so.1',
  libasound2: 'libasound.so.2',
  libvulkan1: 'libvulkan.so.1',
};

/** For tests alone: Mesa's software Vulkan driver, on which llama.cpp's Vulkan backend runs without a GPU. */
const neededByTests = { 'mesa-vulkan-drivers': 'libvulkan_lvp.so' };

/** The packages whose file is nowhere on this machine. */
export function missingPackages(packages = needed) {
  if (process.platform !== 'linux') return [];
  const present = new Set(filesOf([...(process.env.PATH ?? '').split(':'), ...libraryFolders()]));
  return Object.entries(packages)
    .filter(([, file]) => !present.has(file))
    .map(([name]) => name);
}

/** Installs what is missing where that needs no password, else says which command does. */
export function ensureSystemLibraries() {
  ensurePackages(needed, 'system libraries');
}

/** The same for what only tests need; those that miss it are skipped. */
export function ensureTestLibraries() {
  if (hasVulkanPackage) ensurePackages(neededByTests, 'system libraries of tests (skipped without)');
}

function ensurePackages(packages, what) {
  const missing = missingPackages(packages);
  if (missing.length === 0) return;
  const names = missing.map(aptName);
  const byHand = `apt-get install -y --no-install-recommends ${names.join(' ')}`;
  if (!isDebian()) {
    say(`${what} are missing: ${missing.join(' ')} (names of Debian's packages)`);
  } else if (process.getuid?.() !== 0) {
    say(`${what} are missing; install them with: sudo ${byHand}`);
  } else {
    install(names, byHand, what);
  }
}

function install(names, byHand, what) {
  say(`installing ${what}: ${names.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Another apt may be running, at the boot of a fresh machine for example.
  const apt = (...args) => run('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], { env });
  const update = apt('update');
  const result = apt('install', '-y', '--no-install-recommends', ...names);
  if (!result.ok) say(`${what} could not be installed: ${(update.ok ? result : update).reason}; try: ${byHand}`);
}

/** Ubuntu 24.04 and Debian 13 renamed some packages when time_t grew to 64 bits; the old name is then no package. */
function aptName(name) {
  if (run('apt-cache', ['show', '--no-all-versions', name]).ok) return name;
  return run('apt-cache', ['show', '--no-all-versions', `${name}t64`]).ok ? `${name}t64` : name;
}

const isDebian = () => existsSync('/etc/debian_version');

/** Where the loader looks, by the cache's own configuration files. */
function libraryFolders() {
  const configured = filesIn('/etc/ld.so.conf.d')
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .map((line) => line.trim())
    .filter((line) => line.startsWith('/'));
  return ['/lib', '/usr/lib', '/lib64', '/usr/lib64', '/usr/local/lib', ...configured];
}

function filesIn(folder) {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

function filesOf(folders) {
  return folders.flatMap((folder) => (folder && existsSync(folder) ? readdirSync(folder) : []));
}
