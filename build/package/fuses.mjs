/** Electron's fuses: bits in the binary that say what it can still be told to do once it is in somebody else's hands. */
import { flipFuses, FuseV1Options, FuseVersion, getCurrentFuseWire } from '@electron/fuses';

const ON = true;
const OFF = false;

/** @type {ReadonlyArray<readonly [keyof typeof FuseV1Options, boolean]>} */
const WANTED = [
  // Jobs and llama.cpp are utility processes: nobody needs `ELECTRON_RUN_AS_NODE`, but malware that hides behind our name.
  ['RunAsNode', OFF],
  ['EnableNodeOptionsEnvironmentVariable', OFF],
  ['EnableNodeCliInspectArguments', OFF],
  ['EnableCookieEncryption', OFF], // there are no cookies
  // Electron checks this on macOS and Windows.
  ['EnableEmbeddedAsarIntegrityValidation', ON],
  ['OnlyLoadAppFromAsar', ON],
  ['LoadBrowserProcessSpecificV8Snapshot', OFF],
  ['GrantFileProtocolExtraPrivileges', OFF], // pages come from quarrel://
];

/** Ascii digits of the wire; `r` (removed) and missing ones are fuses that this Electron does not have. */
const KNOWN = [0x30, 0x31];

/**
 * Sets the fuses that this Electron has.
 * @param {string} executable
 * @returns {Promise<Readonly<Record<string, boolean>>>} what was set
 */
export async function setFuses(executable) {
  const has = await readWire(executable);
  const set = WANTED.filter(([name]) => KNOWN.includes(has[FuseV1Options[name]]));
  await flipFuses(executable, {
    version: FuseVersion.V1,
    resetAdHocDarwinSignature: process.platform === 'darwin',
    ...Object.fromEntries(set.map(([name, on]) => [FuseV1Options[name], on])),
  });
  return readFuses(executable);
}

/** @param {string} executable */
export async function readFuses(executable) {
  const wire = await readWire(executable);
  return Object.fromEntries(
    WANTED.map(([name]) => [name, wire[FuseV1Options[name]]])
      .filter(([, state]) => KNOWN.includes(state))
      .map(([name, state]) => [name, state === KNOWN[1]]),
  );
}

const readWire = (executable) => getCurrentFuseWire(executable);
