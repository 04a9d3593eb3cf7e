import { bundleAll } from '../../build/bundle.mjs';
import { hasDisplay, startVirtualDisplay } from '../../build/display.mjs';
import { readEnvironment } from '../../build/environment.mjs';

/**
 * Gives the e2e tests the built app, an Electron binary and a display. `electron/index.js`, which Playwright's `_electron.launch` asks
 * for the binary, follows ELECTRON_OVERRIDE_DIST_PATH.
 */
export default async function setup(): Promise<(() => void) | undefined> {
  const environment = readEnvironment();
  if (!environment) throw new Error('no Electron binary is recorded: run "npm run setup"');
  process.env['ELECTRON_OVERRIDE_DIST_PATH'] = environment.electronDist;
  if (process.env['QUARREL_SKIP_BUILD'] !== '1') await bundleAll();
  if (hasDisplay) return undefined;
  const { display, stop } = await startVirtualDisplay();
  process.env['DISPLAY'] = display;
  return stop;
}
