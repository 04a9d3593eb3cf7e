import { describe, expect, it } from 'vitest';

import { QuarrelError } from '../../../src/shared/base/errors';
import { parseLane } from '../../../src/shared/divergence/lane-spec';

describe('parseLane', () => {
  it.each([
    ['llama', { kind: 'llama', device: 'cpu' }],
    ['llama:metal', { kind: 'llama', device: 'metal' }],
    ['llama:cuda@/opt/llama', { kind: 'llama', device: 'cuda', directory: '/opt/llama' }],
    ['llama@C:\\llama', { kind: 'llama', device: 'cpu', directory: 'C:\\llama' }],
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
