import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';

import type { CaptureRequest } from '../../../src/main/capture/capture';
import { captureTrace } from '../../../src/main/capture/capture';
import type { JobControl } from '../../../src/shared/base/progress';
import { find, fixtureBytes } from '../../helpers/gguf-fixture';
import { atFirstProgress, PROMPT, rejection, silent, TINY_MODEL, temporaryFolder } from './capture-fixture';
import { modelSpec, TINY, wave, writeModel } from './tiny-model';

const folder = temporaryFolder();
const outFolder = path.join(folder, 'out');
const TOKENS = [1, 2, 3];

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  // However a capture ends, it leaves no file behind.
  if (fs.existsSync(outFolder)) expect(fs.readdirSync(outFolder)).toEqual([]);
});

async function failing(
  request: Omit<CaptureRequest, 'out'>,
  control: JobControl = silent(),
): Promise<Error & { detail?: string }> {
  return rejection(captureTrace({ ...request, out: path.join(outFolder, 'trace.safetensors') }, control));
}

function modelFile(name: string, write: (file: string) => void): string {
  const file = path.join(folder, name);
  write(file);
  return file;
}

/** Process ids of this process's capture children, as Linux lists them. */
function children(): number[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter(
      (pid) =>
        readProc(pid, 'stat').startsWith(`${process.pid} `) && readProc(pid, 'cmdline').includes('capture-child'),
    )
    .map(Number);
}

/** `cmdline`, or what follows the state letter in `stat`, which begins with the parent's id; empty once it has ended. */
function readProc(pid: string, file: 'stat' | 'cmdline'): string {
  try {
    const text = fs.readFileSync(path.join('/proc', pid, file), 'utf8');
    return file === 'stat' ? text.slice(text.lastIndexOf(')') + 4) : text;
  } catch {
    return '';
  }
}

describe('requests that cannot be run', () => {
  it('needs a model file', async () => {
    const missing = path.join(folder, 'missing.gguf');
    expect(await failing({ modelPath: missing, tokens: TOKENS })).toMatchObject({
      name: 'QuarrelError',
      message: `no model file ${missing}`,
    });
    expect((await failing({ modelPath: folder, tokens: TOKENS })).message).toMatch(/is no file/);
  });

  it('needs a prompt or tokens, not both', async () => {
    expect((await failing({ modelPath: TINY_MODEL })).message).toMatch(/either a prompt or tokens/);
    expect((await failing({ modelPath: TINY_MODEL, prompt: PROMPT, tokens: TOKENS })).message).toMatch(
      /either a prompt/,
    );
    expect((await failing({ modelPath: TINY_MODEL, prompt: '' })).message).toMatch(
      /no tokens to run .*the prompt is empty/,
    );
  });

  it('names a token out of the vocabulary', async () => {
    const error = await failing({ modelPath: TINY_MODEL, tokens: [1, 2, 512] });
    expect(error.name).toBe('QuarrelError');
    expect(error.message).toMatch(
      /token 512 \(number 3 of 3\) is out of the vocabulary of .*quarrel-tiny\.gguf: ids are 0\.\.511/,
    );
    expect((await failing({ modelPath: TINY_MODEL, tokens: [-1] })).message).toMatch(/token -1 \(number 1 of 1\)/);
  });

  it('asks for --tokens where the model has no vocabulary', async () => {
    const modelPath = modelFile('no-vocabulary.gguf', (f) => writeModel(f, modelSpec(TINY), wave));
    expect((await failing({ modelPath, prompt: PROMPT })).message).toMatch(/has no vocabulary.*--tokens/);
  });

  it('names the layers that there are', async () => {
    const error = await failing({ modelPath: TINY_MODEL, prompt: PROMPT, layers: { from: 2, to: 6 } });
    expect(error.message).toMatch(/layers 2\.\.6 of .*quarrel-tiny\.gguf: it has layers 0\.\.5/);
  });

  it('lists the devices that there are', async () => {
    const error = await failing({ modelPath: TINY_MODEL, prompt: PROMPT, device: 'cuda' });
    expect(error.message).toMatch(/no cuda device in the llama\.cpp of .*: it has .*CPU/);
  });
});

describe('models that llama.cpp does not take', () => {
  it('a file that is no GGUF', async () => {
    const modelPath = modelFile('garbage.gguf', (f) => fs.writeFileSync(f, 'this is no model'.repeat(100)));
    const error = await failing({ modelPath, tokens: TOKENS });
    expect(error.name).toBe('QuarrelError');
    expect(error.message).toMatch(/cannot read .*garbage\.gguf as a GGUF file.*magic/);
    expect(error.detail).toMatch(/magic/);
  });

  it('a file that was cut', async () => {
    const modelPath = modelFile('cut.gguf', (f) =>
      fs.writeFileSync(f, fs.readFileSync(TINY_MODEL).subarray(0, 2_000_000)),
    );
    const error = await failing({ modelPath, prompt: PROMPT });
    expect(error.message).toMatch(/cannot load .*cut\.gguf: .*(corrupted|incomplete|not within the file bounds)/);
  });

  it.each([
    [
      'a type of a fork',
      fixtureBytes({ tensors: [{ name: 'odd.weight', type: 'F32', ne: [4] }] }),
      (b: Uint8Array) => b.set([139], find(b, 'odd.weight') + 10 + 4 + 8),
      /tensor 'odd\.weight' has invalid ggml type 139.*; error at byte \d+: tensor "odd\.weight": type 139 is IQ4_K of ik_llama\.cpp/,
    ],
    [
      'a duplicate name',
      fixtureBytes({ tensors: ['same.a', 'same.b'].map((name) => ({ name, type: 'F32', ne: [4] }) as const) }),
      (b: Uint8Array) => b.set([0x61], find(b, 'same.b') + 5),
      /duplicate.*; error at byte \d+: tensor "same\.a" comes twice, first at byte \d+/,
    ],
    [
      'an alignment that is no power of two',
      fixtureBytes({ alignment: 64 }),
      (b: Uint8Array) => b.set([48], find(b, 'general.alignment') + 17 + 4),
      /as a GGUF file: .*error at byte \d+: general\.alignment is 48, expected a power of two/,
    ],
    [
      'big-endian',
      fixtureBytes({ endian: 'big' }),
      () => undefined,
      /endian.*; error at byte 4: the file is big-endian/,
    ],
    [
      'a LoRA adapter',
      fixtureBytes({
        metadata: [
          { key: 'general.type', type: 'str', value: 'adapter' },
          { key: 'general.architecture', type: 'str', value: 'llama' },
        ],
      }),
      () => undefined,
      /key not found in model: llama\.\w+.*; this is a LoRA adapter/,
    ],
  ] as const)('%s: its own telling line, and what Quarrel finds', async (_, bytes, damage, message) => {
    damage(bytes);
    const modelPath = modelFile('refused.gguf', (f) => fs.writeFileSync(f, bytes));
    expect((await failing({ modelPath, tokens: TOKENS })).message).toMatch(message);
  });

  it('an architecture that it does not know', async () => {
    const spec = modelSpec(TINY);
    const metadata = spec.metadata.map((m) => (m.key === 'general.architecture' ? { ...m, value: 'llamarama' } : m));
    const modelPath = modelFile('unknown-arch.gguf', (f) =>
      writeModel(f, { ...spec, metadata: metadata as typeof spec.metadata }, wave),
    );
    const error = await failing({ modelPath, tokens: TOKENS });
    expect(error.message).toMatch(/cannot load .*unknown-arch\.gguf: .*unknown model architecture: 'llamarama'/);
  });

  it('a model that runs into a GGML_ASSERT, which aborts the child and not the caller', async () => {
    const spec = modelSpec({ ...TINY, arch: 'qwen2', ropeDims: 64 });
    const modelPath = modelFile('assert.gguf', (f) => writeModel(f, spec, wave));
    const error = await failing({ modelPath, tokens: TOKENS });
    expect(error.name).toBe('QuarrelError');
    expect(error.message).toMatch(/was killed by SIGABRT while working on .*assert\.gguf.*GGML_ASSERT/);
    expect(error.detail).toMatch(/GGML_ASSERT\(.*\) failed/);
  });
});

describe.skipIf(process.platform !== 'linux')('a capture that is interrupted', () => {
  it('tells that the child was killed from outside', async () => {
    const control = atFirstProgress(() => children().forEach((pid) => process.kill(pid, 'SIGKILL')));
    const error = await failing({ modelPath: TINY_MODEL, tokens: longRun() }, control);
    expect(error.name).toBe('QuarrelError');
    expect(error.message).toMatch(
      /llama\.cpp was killed by SIGKILL while working on .*quarrel-tiny\.gguf at about \S+/,
    );
  });

  it('is cancelled by its caller', async () => {
    const error = await failing(
      { modelPath: TINY_MODEL, tokens: longRun() },
      atFirstProgress((control) => control.cancel()),
    );
    expect(error.name).toBe('CancelledError');
    expect(children()).toEqual([]);
  });
});

/** Enough work that the child is still at it when the first progress report arrives. */
function longRun(): number[] {
  return Array.from({ length: 500 }, (_, i) => i);
}
