/** Electron by its own installer, `node_modules/electron/install.js`. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../project-root.mjs';

const electronPackage = join(projectRoot, 'node_modules', 'electron');
const pollMs = 500;

/** The installed binary, or undefined when there is none or it belongs to another version of the package. */
export function downloadedElectron() {
  const dist = join(electronPackage, 'dist');
  const version = textOf(join(dist, 'version'))?.replace(/^v/, '');
  const executable = textOf(join(electronPackage, 'path.txt'));
  const wanted = JSON.parse(textOf(join(electronPackage, 'package.json')) ?? '{}').version;
  if (version === undefined || version !== wanted || executable === undefined) return undefined;
  const electronPath = join(dist, executable);
  if (!existsSync(electronPath)) return undefined;
  const icd = join(dist, 'vk_swiftshader_icd.json');
  return {
    electronVersion: version,
    electronDist: dist,
    electronPath,
    electronSource: 'download',
    ...(process.platform === 'linux' && existsSync(icd) ? { swiftshaderIcd: icd } : {}),
  };
}

/**
 * Runs the installer. It is ended when nothing arrives for `stallLimitMs`, so a slow download may take its time.
 * @returns {Promise<string | undefined>} why it failed
 */
export async function downloadElectron(stallLimitMs) {
  // The installer downloads into the temporary folder, so a folder of its own shows what has arrived.
  const folder = mkdtempSync(join(tmpdir(), 'quarrel-electron-'));
  const child = spawn(process.execPath, [join(electronPackage, 'install.js')], {
    env: { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder, ELECTRON_GET_NO_PROGRESS: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  let stalled = false;
  const watch = watchGrowth(folder, stallLimitMs, () => {
    stalled = true;
    child.kill();
  });
  try {
    const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
    if (stalled) return `nothing arrived for ${stallLimitMs / 1000} s`;
    return code === 0 ? undefined : firstLine(stderr) || `exit code ${code}`;
  } finally {
    clearInterval(watch);
    rmSync(folder, { recursive: true, force: true });
  }
}

function watchGrowth(folder, limitMs, onStall) {
  let size = 0;
  let grewAt = Date.now();
  return setInterval(() => {
    const now = sizeOf(folder);
    if (now !== size) grewAt = Date.now();
    size = now;
    if (Date.now() - grewAt > limitMs) onStall();
  }, pollMs);
}

function sizeOf(folder) {
  return readdirSync(folder, { recursive: true }).reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

function textOf(path) {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}

const firstLine = (text) => text.trim().split('\n')[0] ?? '';
