import { describe, expect, it } from 'vitest';

import { requireRoom } from '../../../src/main/capture/prompt-memory';
import { runCli } from '../../helpers/run-cli';
import { tinyModelPath } from '../../helpers/shared-files';

const GB = 2 ** 30;
const size = { tokens: 4000, totalTokens: 4000, heads: 32, layers: 32, vocabulary: 128_000, fused: false };
const room = { memory: 16 * GB, disk: 1000 * GB, array: 4 * GB };

describe('a prompt', () => {
  it('is taken where it fits', () => {
    expect(() => requireRoom(size, room)).not.toThrow();
    expect(() => requireRoom({ ...size, tokens: 8000, totalTokens: 8000, heads: 0 }, room)).not.toThrow();
  });

  it.each([
    [
      { tokens: 8000, totalTokens: 8000 },
      room,
      /8000 tokens .* 8000 × 8000 × 32 heads × 4 bytes, are 7\.6 GiB; one result may have 4\.0 GiB/,
    ],
    [
      {},
      { ...room, memory: 4 * GB },
      /takes about 5\.7 GiB of memory, and this machine has 4\.0 GiB: shorten the prompt/,
    ],
    [
      {},
      { ...room, disk: 100 * GB },
      /the trace takes 124\.0 GiB at least, and where it is written 100\.0 GiB are free/,
    ],
    [{ fused: true, vocabulary: 300_000 }, room, /the logits, 4000 × 300000 × 4 bytes, are 4\.5 GiB/],
  ])('that does not is refused with the numbers: %j', (more, here, message) => {
    expect(() => requireRoom({ ...size, ...more }, here)).toThrow(message);
  });

  it('is refused by the command line before it takes memory', async () => {
    const prompt = 'The capital of France is Paris. '.repeat(3500);
    const { code, stderr } = await runCli(['bisect', tinyModelPath(), '--prompt', prompt, '--candidate', 'reference']);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^quarrel: \d+ tokens are too many here: the attention scores of one layer, .* shorten the prompt$/m,
    );
  });
});
