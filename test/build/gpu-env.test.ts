import { lstatSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { gpuEnv } from '../../build/gpu-env.mjs';

const icd = '/somewhere/vk_swiftshader_icd.json';
const runtime = { XDG_RUNTIME_DIR: '/run/user/1' };

beforeEach(() => {
  vi.stubEnv('QUARREL_GPU', 'software');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

it('names only SwiftShader on a machine without a GPU', () => {
  expect(gpuEnv(icd, runtime, 'linux')).toEqual({ VK_ICD_FILENAMES: icd, QUARREL_DAWN_DRIVERS: 'VK_ICD_FILENAMES' });
});

it("adds SwiftShader behind the GPU's driver", () => {
  vi.stubEnv('QUARREL_GPU', 'hardware');
  expect(gpuEnv(icd, runtime, 'linux')).toEqual({
    VK_ADD_DRIVER_FILES: icd,
    QUARREL_DAWN_DRIVERS: 'VK_ADD_DRIVER_FILES',
  });
});

it.each(['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES'])('leaves %s to the user', (name) => {
  expect(gpuEnv(icd, { ...runtime, [name]: '/mine.json' }, 'linux')).toEqual({});
});

it('makes a private runtime folder where there is none', () => {
  const { XDG_RUNTIME_DIR: folder = '' } = gpuEnv(undefined, {}, 'linux');
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

it('follows no link that lies under its name', () => {
  const tmp = mkdtempSync(join(tmpdir(), 'gpu-env-'));
  vi.stubEnv('TMPDIR', tmp);
  try {
    const elsewhere = join(tmp, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o755 });
    symlinkSync(elsewhere, join(tmp, `quarrel-runtime-${userInfo().uid}`));
    const { XDG_RUNTIME_DIR: folder = '' } = gpuEnv(undefined, {}, 'linux');
    expect(statSync(elsewhere).mode & 0o777).toBe(0o755);
    expect(lstatSync(folder).isDirectory()).toBe(true);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    vi.stubEnv('TMPDIR', join(tmp, 'absent'));
    expect(gpuEnv(undefined, {}, 'linux')).toEqual({});
  } finally {
    rmSync(tmp, { recursive: true });
  }
});

it.each(['darwin', 'win32'] as const)('adds nothing on %s, where Dawn needs no Vulkan', (platform) => {
  expect(gpuEnv(icd, {}, platform)).toEqual({});
});
