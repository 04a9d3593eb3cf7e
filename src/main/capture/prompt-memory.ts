/** Whether a prompt can be captured here at all: known before llama.cpp takes memory for it, and dies. */
import { constants } from 'node:buffer';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { QuarrelError } from '../../shared/base/errors';
import { bytes } from '../cli/text/table';

export interface PromptSize {
  readonly tokens: number;
  /** Of all steps together: what the KV cache has room for. */
  readonly totalTokens: number;
  readonly heads: number;
  /** Layers whose results are kept. */
  readonly layers: number;
  readonly vocabulary: number;
  /** Whether attention is one fused op, whose scores nobody sees. */
  readonly fused: boolean;
}

export interface Room {
  readonly memory: number;
  /** Free bytes where the trace is written. */
  readonly disk: number;
  /** Bytes of the longest array. */
  readonly array: number;
}

const F32 = 4;
/**
 * The largest result three times: scores, their softmax, and our copy. Measured on a prompt of 4000 tokens: 2.8 times.
 */
const COPIES = 3;
/** Scores and their softmax. */
const KEPT_PER_LAYER = 2;

/** Throws QuarrelError with the numbers where the prompt is too long for this machine. */
export function requireRoom(size: PromptSize, room: Room): void {
  const { tokens, totalTokens, heads, layers, vocabulary, fused } = size;
  const scores = fused ? 0 : tokens * totalTokens * heads * F32;
  const logits = tokens * vocabulary * F32;
  const [largest, what] =
    scores >= logits
      ? [scores, `the attention scores of one layer, ${tokens} × ${totalTokens} × ${heads} heads × ${F32} bytes,`]
      : [logits, `the logits, ${tokens} × ${vocabulary} × ${F32} bytes,`];
  const refuse = (why: string): never => {
    throw new QuarrelError(
      `${tokens} tokens are too many here: ${what} are ${bytes(largest)}; ${why}: shorten the prompt`,
    );
  };
  if (largest > room.array) refuse(`one result may have ${bytes(room.array)}`);
  if (largest * COPIES > room.memory) {
    refuse(
      `capturing them takes about ${bytes(largest * COPIES)} of memory, and this machine has ${bytes(room.memory)}`,
    );
  }
  const trace = layers * KEPT_PER_LAYER * scores + logits;
  if (trace > room.disk) {
    refuse(`the trace takes ${bytes(trace)} at least, and where it is written ${bytes(room.disk)} are free`);
  }
}

/** What this machine, or the container around this process, has. */
export function roomFor(out: string): Room {
  const limit = process.constrainedMemory();
  const { bavail, bsize } = fs.statfsSync(path.dirname(out));
  return {
    memory: limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem(),
    disk: bavail * bsize,
    array: constants.MAX_LENGTH,
  };
}
