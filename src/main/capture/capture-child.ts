/**
 * The child process that holds llama.cpp: it may crash, the app may not. Started by `child-runner.ts`, whose orders it
 * answers; stderr is llama.cpp's own.
 */
import { assertUnreachable, defined } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import { lastNode } from '../../shared/divergence/assemble-verdict';
import { provenanceOfOptions } from '../../shared/divergence/llama-options';
import type { Graph } from '../../shared/graph/graph';
import { parentLink } from '../processes/parent-link';
import { TraceFile } from '../traces/trace-file';
import { TraceWriter } from '../traces/trace-writer';
import { continuePrompts } from './continue-prompts';
import { GraphRecorder } from './graph-recorder';
import { checkLayers } from './layer-range';
import { libraryProvenance } from './library-provenance';
import type { Evaluated } from './llama-context';
import { LlamaContext } from './llama-context';
import type { LlamaLibrary } from './llama-library';
import { loadLlama } from './llama-library';
import { LlamaModel, loadBackends } from './llama-model';
import type { ModelTensors } from './model-tensors';
import { readModelTensors } from './model-tensors';
import type { PromptSize } from './prompt-memory';
import { requireRoom, roomFor } from './prompt-memory';
import type { CaptureAnswer, CaptureOrder, ChildMessage, ChildRequest, StepOrder, TokenLogit } from './protocol';
import { StateNames } from './state-names';
import { tokenize } from './tokenize';
import type { Vocabulary } from './vocabulary';

const TOP_LOGITS = 10;
const PROGRESS_EVERY_MS = 50;

const parent = parentLink();
/** Of a capture, for the steps that may follow. */
let run: CaptureRun | undefined;

function send(message: ChildMessage): void {
  parent.endIfOrphaned();
  parent.post(message);
}

/** First a request, then steps; the parent ends this process, and everything in it, when it needs no more. */
function answer(order: ChildRequest | StepOrder): ChildMessage {
  if (!('kind' in order)) return { kind: 'captured', answer: defined(run, 'a capture before its steps').step(order) };
  switch (order.kind) {
    case 'capture':
      return captureFirst(order);
    case 'tokenize':
      return { kind: 'tokenized', answer: tokenize(order) };
    case 'continue':
      return { kind: 'continued', answer: continuePrompts(order, send) };
    default:
      return assertUnreachable(order);
  }
}

function captureFirst(order: CaptureOrder): ChildMessage {
  const library = loadLlama(order.library);
  loadBackends(library, order.options?.variant);
  const weights = readModelTensors(library, order.modelPath);
  const model = LlamaModel.open(library, order.modelPath, order.device, order.options?.repack);
  const tokens = promptTokens(order, model);
  if (order.layers) checkLayers(order.layers, model.layers, order.modelPath);
  requireRoom(sizeOf(order, model, tokens.length), roomFor(order.out));
  run = new CaptureRun(order, library, model, weights, tokens);
  return { kind: 'captured', answer: run.step({ tokens, out: order.out }) };
}

function sizeOf({ layers, moreTokens, options }: CaptureOrder, model: LlamaModel, tokens: number): PromptSize {
  return {
    tokens,
    totalTokens: tokens + moreTokens,
    heads: model.heads,
    layers: layers ? layers.to - layers.from + 1 : model.layers,
    vocabulary: model.vocabulary.size,
    fused: options?.flashAttention ?? false,
  };
}

function promptTokens(
  { tokens: given, prompt, modelPath }: CaptureOrder,
  { vocabulary }: LlamaModel,
): readonly number[] {
  const tokens = given ?? vocabulary.tokenize(prompt ?? '', true);
  if (tokens.length === 0) throw new QuarrelError(`no tokens to run through ${modelPath}: the prompt is empty`);
  return tokens;
}

/** One sequence of evaluations, each recorded into a trace of its own. */
class CaptureRun {
  private readonly context: LlamaContext;
  private recorder: GraphRecorder | undefined;
  private readonly states = new StateNames();
  /** What the encoder left to the decoder. */
  private encoded: Uint8Array | undefined;
  /** Tokens evaluated so far, which the next ones come after. */
  private past = 0;

  constructor(
    private readonly order: CaptureOrder,
    private readonly library: LlamaLibrary,
    private readonly model: LlamaModel,
    private readonly weights: ModelTensors,
    tokens: readonly number[],
  ) {
    this.context = new LlamaContext(library, model, {
      batchTokens: tokens.length,
      totalTokens: tokens.length + order.moreTokens,
      threads: order.threads,
      device: order.device,
      options: order.options ?? {},
      onEval: (tensor, ask) => this.recorder?.onEval(tensor, ask) ?? true,
    });
  }

  step({ tokens, out }: StepOrder): CaptureAnswer {
    const { library, model, weights, order } = this;
    model.vocabulary.check(tokens);
    const writer = TraceWriter.create(out);
    try {
      const onNode = progressOf(model.layers);
      const { layers } = order;
      const { states, encoded } = this;
      const more = { ...(layers ? { layers } : {}), ...(encoded ? { encoded } : {}) };
      const recorder = new GraphRecorder({ library, weights, writer, states, onNode, ...more });
      this.recorder = recorder;
      const evaluated = this.context.evaluate(tokens);
      if (recorder.error !== undefined) throw recorder.error;
      const isEncoder = evaluated.startToken !== undefined;
      if (isEncoder && !recorder.stopped) recorder.markEncoder();
      const graph = recorder.finish();
      // Encoders end in embeddings; llama.cpp hands out a buffer of logits all the same.
      const isLogits = lastNode(graph)?.ne[0] === model.vocabulary.size;
      const said = isLogits ? evaluated : { ...evaluated, logits: undefined };
      const answer = this.answer(tokens, said, recorder.stopped);
      const { provenance, pieces } = answer;
      const engine = `llama.cpp ${library.llama_version()}`;
      const { past } = this;
      writer.finish({ engine, tokens, past, model: order.modelPath, graph, provenance, ...(pieces ? { pieces } : {}) });
      // An encoder's tokens are not those of its decoder.
      this.past = isEncoder ? 0 : past + tokens.length;
      if (isEncoder) this.encoded = carriedValue(graph, out);
      return answer;
    } finally {
      writer.abort();
    }
  }

  private answer(
    tokens: readonly number[],
    { logits, startToken, canContinue }: Evaluated,
    cut: boolean,
  ): CaptureAnswer {
    const { library, model, order } = this;
    const { vocabulary } = model;
    const topLogits = logits && !cut ? top(logits, vocabulary) : undefined;
    const pieces = vocabulary.hasText ? tokens.map((t) => vocabulary.piece(t)) : undefined;
    const next = startToken ?? (canContinue ? topLogits?.[0]?.token : undefined);
    const provenance = {
      ...libraryProvenance(library),
      device: order.device,
      threads: String(order.threads),
      ...provenanceOfOptions(order.options ?? {}),
      ...(topLogits ? { topLogits: JSON.stringify(topLogits) } : {}),
      ...(order.layers ? { layers: `${order.layers.from}..${order.layers.to}` } : {}),
    };
    return {
      tokens,
      vocabSize: vocabulary.size,
      complete: !cut,
      canContinue,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      provenance,
      ...(pieces ? { pieces } : {}),
      ...(topLogits ? { topLogits } : {}),
      ...(next === undefined ? {} : { next }),
    };
  }
}

/** What the graph leaves to later ones; undefined where a part was captured that leaves nothing. */
function carriedValue(graph: Graph, tracePath: string): Uint8Array | undefined {
  const node = graph.tensors.find((t) => t.carried !== undefined);
  if (!node) return undefined;
  const trace = TraceFile.open(tracePath);
  try {
    return trace.readRaw(node.key);
  } finally {
    trace.dispose();
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

parent.onMessage((order) => {
  try {
    send(answer(order as ChildRequest | StepOrder));
  } catch (e) {
    const expected = e instanceof QuarrelError;
    send({ kind: 'failed', message: expected ? e.message : String((e as Error).stack ?? e), bug: !expected });
  }
});
