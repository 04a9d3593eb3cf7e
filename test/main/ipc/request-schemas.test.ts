import { describe, expect, it } from 'vitest';
import { REQUEST_SCHEMAS } from '../../../src/main/ipc/request-schemas';
import type { CallName } from '../../../src/shared/ipc/contract';

const tokens = { kind: 'tokens', tokens: [1, 2] };
const run = { modelPath: '/m.gguf', prompt: tokens, lanes: ['llama', 'webgpu'] };
const find = { modelPath: '/m.gguf', prompt: { kind: 'prompt', text: 'Hi' }, reference: 'llama', candidate: 'webgpu' };

const block = { modelPath: '/m.gguf', tensor: 'blk.0.attn_q.weight', index: 3 };

const ACCEPTED: readonly (readonly [CallName, unknown])[] = [
  ['appState', {}],
  ['setTheme', { theme: 'dark' }],
  ['pickPath', { kind: 'shaders' }],
  ['startJob', { id: 1, name: 'inspect', request: { modelPath: '/m.gguf' } }],
  ['startJob', { id: 1, name: 'runLanes', request: run }],
  ['startJob', { id: 1, name: 'runLanes', request: { ...run, steps: 8 } }],
  ['startJob', { id: 1, name: 'findFirstBad', request: find }],
  ['startJob', { id: 1, name: 'findFirstBad', request: { ...find, expect: ' Paris', minLogit: 7 } }],
  ['startJob', { id: 1, name: 'findFirstBad', request: { ...find, strict: true } }],
  ['startJob', { id: 1, name: 'nodeDetail', request: { runId: '1', step: 0, key: 'norm-0' } }],
  ['startJob', { id: 1, name: 'inspectBlock', request: block }],
  ['startJob', { id: 1, name: 'inspectBlock', request: { ...block, overlay: '/kernels' } }],
  ['startJob', { id: 1, name: 'saveWeights', request: { ...block, part: 'row', path: '/row.npy' } }],
  ['pickSavePath', { part: 'tensor', name: 'output.weight' }],
  ['exportVerdict', { kind: 'html' }],
];

const REFUSED: readonly (readonly [string, CallName, unknown])[] = [
  ['nothing at all', 'appState', undefined],
  ['an unknown field', 'appState', { extra: 1 }],
  ['an unknown theme', 'setTheme', { theme: 'pink' }],
  ['an unknown job', 'startJob', { id: 1, name: 'format', request: {} }],
  ['a job without its request', 'startJob', { id: 1, name: 'inspect' }],
  ['an empty path', 'startJob', { id: 1, name: 'inspect', request: { modelPath: '' } }],
  [
    'negative tokens',
    'startJob',
    { id: 1, name: 'runLanes', request: { ...run, prompt: { kind: 'tokens', tokens: [-1] } } },
  ],
  ['half a step', 'startJob', { id: 1, name: 'runLanes', request: { ...run, steps: 0.5 } }],
  ['no lanes', 'startJob', { id: 1, name: 'runLanes', request: { ...run, lanes: [] } }],
  ['an undefined option', 'startJob', { id: 1, name: 'findFirstBad', request: { ...find, expect: undefined } }],
  ['a doubtful strictness', 'startJob', { id: 1, name: 'findFirstBad', request: { ...find, strict: 'yes' } }],
  ['a negative block', 'startJob', { id: 1, name: 'inspectBlock', request: { ...block, index: -1 } }],
  ['half a block', 'startJob', { id: 1, name: 'inspectBlock', request: { ...block, index: 0.5 } }],
  ['an unknown part', 'startJob', { id: 1, name: 'saveWeights', request: { ...block, part: 'model', path: '/m' } }],
  ['saving nowhere', 'startJob', { id: 1, name: 'saveWeights', request: { ...block, part: 'row' } }],
  ['a fractional id', 'cancelJob', { id: 1.5 }],
  ['an unknown form', 'exportVerdict', { kind: 'pdf' }],
  ['a path of the page’s own', 'exportVerdict', { kind: 'json', path: '/etc/hosts' }],
  ['a job that is main’s alone', 'startJob', { id: 1, name: 'exportVerdict', request: { kind: 'json', path: '/x' } }],
];

describe('request schemas', () => {
  it.each(ACCEPTED)('%s accepts %j', (name, request) => {
    const parsed = REQUEST_SCHEMAS[name].safeParse(request);
    expect(parsed.error).toBeUndefined();
    expect(parsed.data).toEqual(request);
  });

  it.each(REFUSED)('refuses %s (%s)', (_what, name, request) => {
    expect(REQUEST_SCHEMAS[name].safeParse(request).success).toBe(false);
  });
});
