/**
 * The child process that holds llama.cpp: it may crash, the app may not. Plain Node, started by `capture.ts`: the order
 * comes on stdin, answers go to file descriptor 3, stderr is llama.cpp's own.
 */
import fs from 'node:fs';

import { assertUnreachable } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import { TraceWriter } from '../traces/trace-writer';
import { checkLayers, GraphRecorder } from './graph-recorder';
import { libraryProvenance } from './library-provenance';
import type { LlamaLibrary } from './llama-library';
import { loadLlama } from './llama-library';
import { LlamaModel, loadBackends } from './llama-model';
import { readModelTensors } from './model-tensors';
import type {
  CaptureAnswer,
  CaptureOrder,
  ChildMessage,
  ChildRequest,
  TokenizeAnswer,
  TokenizeOrder,
  TokenLogit,
} from './protocol';
import { MESSAGE_FD } from './protocol';
import type { Vocabulary } from './vocabulary';

const TOP_LOGITS = 10;
const PROGRESS_EVERY_MS = 50;

/** Synchronous, so that nothing is lost when llama.cpp aborts, and so that a parent that is gone ends this process. */
function send(message: ChildMessage): void {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let done = 0; done < line.length;) done += fs.writeSync(MESSAGE_FD, line, done);
}

function main(): void {
  try {
    const request = JSON.parse(fs.readFileSync(0, 'utf8')) as ChildRequest;
    switch (request.kind) {
      case 'capture':
        return send({ kind: 'captured', answer: capture(request) });
      case 'tokenize':
        return send({ kind: 'tokenized', answer: tokenize(request) });
      default:
        assertUnreachable(request);
    }
  } catch (e) {
    const expected = e instanceof QuarrelError;
    send({ kind: 'failed', message: expected ? e.message : String((e as Error).stack ?? e), bug: !expected });
    process.exitCode = 1;
  }
}

function capture(order: CaptureOrder): CaptureAnswer {
  const library = loadLlama(order.library);
  loadBackends(library);
  const weights = readModelTensors(library, order.modelPath);
  const model = LlamaModel.open(library, order.modelPath, order.device);
  try {
    const { vocabulary } = model;
    const tokens = order.tokens ?? vocabulary.tokenize(order.prompt ?? '', true);
    if (tokens.length === 0) throw new QuarrelError(`no tokens to run through ${order.modelPath}: the prompt is empty`);
    vocabulary.check(tokens);
    if (order.layers) checkLayers(order.layers, model.layers, order.modelPath);
    return record(order, library, model, { tokens, weights });
  } finally {
    model.dispose();
  }
}

function record(
  order: CaptureOrder,
  library: LlamaLibrary,
  model: LlamaModel,
  run: { readonly tokens: readonly number[]; readonly weights: ReturnType<typeof readModelTensors> },
): CaptureAnswer {
  const { vocabulary } = model;
  const { tokens, weights } = run;
  const writer = TraceWriter.create(order.out);
  try {
    const onNode = progressOf(model.layers);
    const layers = order.layers;
    const recorder = new GraphRecorder({ library, weights, writer, onNode, ...(layers ? { layers } : {}) });
    const logits = model.evaluate(tokens, order.threads, order.device, recorder.onEval);
    if (recorder.error !== undefined) throw recorder.error;
    const topLogits = logits && !recorder.stopped ? top(logits, vocabulary) : undefined;
    const pieces = vocabulary.hasText ? tokens.map((t) => vocabulary.piece(t)) : undefined;
    const provenance = {
      ...libraryProvenance(library),
      device: order.device,
      threads: String(order.threads),
      ...(topLogits ? { topLogits: JSON.stringify(topLogits) } : {}),
      ...(layers ? { layers: `${layers.from}..${layers.to}` } : {}),
    };
    const graph = recorder.finish();
    const engine = `llama.cpp ${library.llama_version()}`;
    writer.finish({ engine, tokens, model: order.modelPath, graph, provenance, ...(pieces ? { pieces } : {}) });
    return {
      tokens,
      vocabSize: vocabulary.size,
      complete: !recorder.stopped,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      provenance,
      ...(pieces ? { pieces } : {}),
      ...(topLogits ? { topLogits } : {}),
    };
  } finally {
    writer.abort();
  }
}

/** Progress counts layers, since the number of nodes shows only at the end. */
function progressOf(layers: number): (name: string, layer: number | undefined) => void {
  let sentAt = -Infinity;
  let reached = 0;
  return (name, layer) => {
    reached = Math.max(reached, layer ?? 0);
    const now = performance.now();
    if (now - sentAt < PROGRESS_EVERY_MS) return;
    sentAt = now;
    send({ kind: 'progress', done: reached, total: layers, detail: name });
  };
}

function top(logits: Float32Array, vocabulary: Vocabulary): readonly TokenLogit[] {
  const ids = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  return ids.slice(0, TOP_LOGITS).map((token) => ({
    token,
    ...(vocabulary.hasText ? { text: vocabulary.piece(token) } : {}),
    logit: logits[token]!,
  }));
}

function tokenize(order: TokenizeOrder): TokenizeAnswer {
  const library = loadLlama(order.library);
  loadBackends(library);
  const model = LlamaModel.openVocabulary(library, order.modelPath);
  try {
    const { vocabulary } = model;
    const tokens = order.ids ?? vocabulary.tokenize(order.text ?? '', false);
    vocabulary.check(tokens);
    return {
      vocabSize: vocabulary.size,
      tokens,
      pieces: vocabulary.hasText ? tokens.map((t) => vocabulary.piece(t)) : [],
    };
  } finally {
    model.dispose();
  }
}

main();
