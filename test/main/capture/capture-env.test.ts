import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, afterEach, expect, it, vi } from 'vitest';

import { gpuEnv } from '../../../build/gpu-env.mjs';
import { captureEnv } from '../../../src/main/capture/capture-env';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quarrel-icd-'));
for (const name of ['intel_icd.x86_64.json', 'lvp_icd.x86_64.json']) fs.writeFileSync(path.join(folder, name), '{}');
const mesa = path.join(folder, 'lvp_icd.x86_64.json');

beforeEach(() => {
  vi.stubEnv('QUARREL_GPU', 'software');
});
afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true });
});

const onMesa = { VK_ICD_FILENAMES: mesa, GGML_VK_VISIBLE_DEVICES: '0' };

it("runs vulkan on Mesa's software driver where there is no GPU", () => {
  expect(captureEnv('vulkan', { A: 'b' }, 'linux', ['/nowhere', folder])).toEqual({ A: 'b', ...onMesa });
});

it.each(['hardware', 'software'])("never runs llama.cpp on Dawn's driver (%s)", (gpu) => {
  vi.stubEnv('QUARREL_GPU', gpu);
  const env = { XDG_RUNTIME_DIR: '/run', ...gpuEnv('/swiftshader.json', { XDG_RUNTIME_DIR: '/run' }, 'linux') };
  expect(captureEnv('cpu', env, 'linux', [folder])).toEqual({ XDG_RUNTIME_DIR: '/run' });
  expect(captureEnv('vulkan', env, 'linux', [folder])).toEqual({
    XDG_RUNTIME_DIR: '/run',
    ...(gpu === 'software' ? onMesa : {}),
  });
});

it.each(['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES'])('leaves %s to the user', (name) => {
  const env = { [name]: '/mine.json' };
  expect(
    captureEnv('vulkan', { ...env, ...gpuEnv('/swiftshader.json', env, 'linux') }, 'linux', [folder]),
  ).toMatchObject(env);
  expect(captureEnv('vulkan', env, 'linux', [folder])).toEqual(env);
});

it('leaves the choice of the device to the user', () => {
  const env = { GGML_VK_VISIBLE_DEVICES: '1' };
  expect(captureEnv('vulkan', env, 'linux', [folder])).toEqual({ ...env, VK_ICD_FILENAMES: mesa });
});

it('adds nothing without the driver, with a GPU, for other devices and on other systems', () => {
  expect(captureEnv('vulkan', {}, 'linux', [])).toEqual({});
  expect(captureEnv('cuda', {}, 'linux', [folder])).toEqual({});
  expect(captureEnv('vulkan', {}, 'win32', [folder])).toEqual({});
  vi.stubEnv('QUARREL_GPU', 'hardware');
  expect(captureEnv('vulkan', {}, 'linux', [folder])).toEqual({});
});
