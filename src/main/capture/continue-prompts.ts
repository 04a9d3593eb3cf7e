import { QuarrelError } from '../../shared/base/errors';
import { topLogits } from '../../shared/compare/logits';
import { LlamaContext } from './llama-context';
import { loadLlama } from './llama-library';
import { LlamaModel, loadBackends } from './llama-model';
import type { ChildMessage, Continuation, ContinueOrder, TokenLogit } from './protocol';
import type { Vocabulary } from './vocabulary';

/**
 * The child's side of `continuations`: one model and one context for all prompts, no node looked at.
 * Throws QuarrelError for a prompt without tokens and for a model without logits.
 */
export function continuePrompts(order: ContinueOrder, send: (message: ChildMessage) => void): readonly Continuation[] {
  const library = loadLlama(order.library);
  loadBackends(library);
  const model = LlamaModel.open(library, order.modelPath, 'cpu');
  try {
    const prompts = order.prompts.map((text) => promptTokens(text, model.vocabulary));
    const longest = Math.max(...prompts.map((tokens) => tokens.length));
    const context = new LlamaContext(library, model, {
      batchTokens: longest,
      totalTokens: longest + order.count,
      threads: order.threads,
      device: 'cpu',
      options: {},
      onEval: () => false,
    });
    try {
      return prompts.map((tokens, i) => {
        send({ kind: 'progress', done: i, total: prompts.length, detail: order.prompts[i] ?? '' });
        context.forget();
        return { tokens, next: follow(context, model, tokens, order.count) };
      });
    } finally {
      context.dispose();
    }
  } finally {
    model.dispose();
  }
}

function promptTokens(text: string, vocabulary: Vocabulary): readonly number[] {
  const tokens = vocabulary.tokenize(text, true);
  if (tokens.length === 0) throw new QuarrelError(`no tokens in the prompt ${JSON.stringify(text)}`);
  return tokens;
}

/** Greedy choices after the prompt. */
function follow(context: LlamaContext, model: LlamaModel, prompt: readonly number[], count: number): TokenLogit[] {
  const chosen: TokenLogit[] = [];
  for (let tokens = prompt; ;) {
    const { logits } = context.evaluate(tokens);
    const [best] = logits ? topLogits(logits, 1) : [];
    if (!best) throw new QuarrelError(`${model.path} gives no logits to choose the next token by`);
    chosen.push({ ...best, text: model.vocabulary.piece(best.token) });
    if (chosen.length === count) return chosen;
    tokens = [best.token];
  }
}
