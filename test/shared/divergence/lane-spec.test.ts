import { describe, expect, it } from 'vitest';

import { QuarrelError } from '../../../src/shared/base/errors';
import { parseLane } from '../../../src/shared/divergence/lane-spec';

describe('parseLane', () => {
  it.each([
    ['llama', { kind: 'llama', device: 'cpu' }],
    ['llama:metal', { kind: 'llama', device: 'metal' }],
    ['llama:cuda@/opt/llama', { kind: 'llama', device: 'cuda', directory: '/opt/llama' }],
    ['llama@C:\\llama', { kind: 'llama', device: 'cpu', directory: 'C:\\llama' }],
    ['llama:cpu,ctk=bf16', { kind: 'llama', device: 'cpu', options: { cacheTypeK: 'bf16' } }],
    ['llama,fa=on,repack=off', { kind: 'llama', device: 'cpu', options: { flashAttention: true, repack: false } }],
    ['llama,variant=skylakex', { kind: 'llama', device: 'cpu', options: { variant: 'skylakex' } }],
    [
      'llama:vulkan@/opt/a,b/llama,ctk=q8_0,ctv=q8_0,fa=on',
      {
        kind: 'llama',
        device: 'vulkan',
        directory: '/opt/a,b/llama',
        options: { cacheTypeK: 'q8_0', cacheTypeV: 'q8_0', flashAttention: true },
      },
    ],
    ['llama@/opt/a,b', { kind: 'llama', device: 'cpu', directory: '/opt/a,b' }],
    ['webgpu@my,fa=on', { kind: 'webgpu', overlay: 'my,fa=on' }],
    ['reference', { kind: 'reference' }],
    ['webgpu', { kind: 'webgpu' }],
    ['webgpu@my/kernels@2', { kind: 'webgpu', overlay: 'my/kernels@2' }],
    ['trace:a/b.safetensors', { kind: 'trace', path: 'a/b.safetensors' }],
    [
      'cmd:"my engine" --model={model} {tokens} {out} {checkpoints}',
      {
        kind: 'cmd',
        command: {
          words: ['my engine', '--model={model}', '{tokens}', '{out}', '{checkpoints}'],
          takesCheckpoints: true,
        },
      },
    ],
    ['place:0-3:reference', { kind: 'place', rules: [{ layers: { from: 0, to: 3 }, lane: 'reference' }] }],
    [
      'place:embd:reference,0-:webgpu@my/kernels',
      {
        kind: 'place',
        rules: [
          { layers: 'embd', lane: 'reference' },
          { layers: { from: 0, to: Infinity }, lane: 'webgpu@my/kernels' },
        ],
      },
    ],
  ])('%s', (text, spec) => {
    expect(parseLane(text)).toEqual(spec);
  });

  it.each(['', 'lama', 'llama:tpu', 'llama:cpu:x', 'webgpu@', 'llama@', 'trace:', 'reference@x'])(
    'refuses %j',
    (text) => {
      expect(() => parseLane(text)).toThrow(QuarrelError);
    },
  );

  it.each([
    ['llama,', 'unknown option ""; known: ctk, ctv, fa, repack, variant'],
    ['llama@/opt,', 'unknown option ""'],
    ['llama:cpu,flash=on', 'unknown option "flash=on"; known: ctk, ctv, fa, repack, variant'],
    ['llama@/opt,flash=on', 'unknown option "flash=on"'],
    ['llama,toString=on', 'unknown option "toString=on"'],
    ['llama,fa', 'option fa has no value: fa= on, off'],
    ['llama@/opt,fa', 'option fa has no value: fa= on, off'],
    ['llama,fa=yes', 'option fa: "yes" found; known: on, off'],
    ['llama,ctk=q6_K', 'option ctk: "q6_K" found; known: f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0, q5_1'],
    ['llama,ctk=f16,ctk=f16', 'option ctk is given twice'],
    ['llama,ctv=q8_0', 'ctv=q8_0 needs fa=on'],
    ['llama,ctv=q8_0,fa=off', 'ctv=q8_0 needs fa=on'],
    ['llama,variant=', 'option variant: "" found'],
    ['llama,variant=../x', 'option variant: "../x" found'],
    ['llama:vulkan,variant=zen4', 'variant=zen4 is for llama:cpu, not for vulkan'],
    ['llama:cuda,repack=on', 'repack=on is for llama:cpu, not for cuda'],
    ['llama:vulkan,fa=on@/opt', 'option fa: "on@/opt" found'],
    ['place:', 'placement ""'],
    ['place:reference', 'placement "reference"'],
    ['place:0:reference,1', 'placement "1"'],
    ['place', 'unknown lane "place"'],
    ['cmd:', 'no program'],
    ['cmd:engine {model} {tokens}', '{out}'],
    ['cmd:engine {out} {token}', '{token}'],
    ['cmd:engine "{out}', 'no end'],
  ])('refuses %j and quotes what it cannot read', (text, quoted) => {
    expect(() => parseLane(text)).toThrow(QuarrelError);
    expect(() => parseLane(text)).toThrow(quoted);
  });
});
