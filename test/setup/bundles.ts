import { bundleMain } from '../../build/bundle.mjs';

/**
 * Worker threads and child processes are started from the bundles in `out/main`, so those must match the sources.
 * QUARREL_SKIP_BUILD=1 leaves them as they are (`npm test` has just built them).
 */
export default async function setup(): Promise<void> {
  if (process.env['QUARREL_SKIP_BUILD'] !== '1') await bundleMain();
}
