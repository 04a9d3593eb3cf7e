import { describe, expect, it } from 'vitest';
import { GpuWindowClient } from '../../../src/main/lanes/gpu-window-client';
import { Control } from '../../../src/shared/base/control';
import { CancelledError, QuarrelError } from '../../../src/shared/base/errors';
import type { Progress } from '../../../src/shared/base/progress';
import type { GpuEvent, GpuMessage } from '../../../src/shared/ipc/gpu-window';

describe('GpuWindowClient', () => {
  /** A client whose far end answers each message with the given events. */
  function connect(answer: (message: GpuMessage) => readonly GpuEvent[]): GpuWindowClient {
    const client: GpuWindowClient = new GpuWindowClient((message) => {
      queueMicrotask(() => answer(message).forEach((event) => client.receive(event)));
    });
    return client;
  }

  it('matches answers to calls by id', async () => {
    const client = connect((m) => [{ kind: 'done', id: m.id, answer: { provenance: { adapter: String(m.id) } } }]);
    const answers = await Promise.all([1, 2, 3].map(() => client.call('describe', { label: 'webgpu' })));
    expect(answers.map((a) => a.provenance['adapter'])).toEqual(['1', '2', '3']);
  });

  it('reports progress to the caller’s control', async () => {
    const heard: Progress[] = [];
    const progress = { stage: 'run', done: 1, total: 2 };
    const client = connect((m) => [
      { kind: 'progress', id: m.id, progress },
      { kind: 'done', id: m.id, answer: null },
    ]);
    await client.call('describe', { label: 'webgpu' }, new Control((p) => heard.push(p)));
    expect(heard).toEqual([progress]);
  });

  it('turns failures into the errors they are', async () => {
    const client = connect((m) => [
      { kind: 'failed', id: m.id, failure: { kind: 'failed', message: 'device lost', detail: 'twice' } },
    ]);
    const error: unknown = await client.call('describe', { label: 'webgpu' }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(QuarrelError);
    expect(error).toMatchObject({ message: 'device lost', detail: 'twice' });
  });

  it('passes a cancel on and rejects as cancelled', async () => {
    const control = new Control(() => undefined);
    const client = connect((m) => {
      if (m.kind === 'start') {
        setTimeout(() => control.cancel(), 0);
        return [];
      }
      return [{ kind: 'failed', id: m.id, failure: { kind: 'cancelled' } }];
    });
    await expect(client.call('describe', { label: 'webgpu' }, control)).rejects.toThrow(CancelledError);
  });
});
