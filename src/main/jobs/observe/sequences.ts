import type { RowPair } from '../../../shared/divergence/observe-rows';
import { compareRows } from '../../../shared/divergence/observe-rows';
import { assert } from '../../../shared/base/assert';
import { advanceAll, captureOf, rightLane, runGroups } from './lane-runs';
import type { Finding, Observing } from './observe';
import { notMeasured } from './observe';

/** Tokens that are evaluated one by one: each is a graph of its own. */
const MOST_TOKENS = 16;
/** Tokens decoded on the cache. */
const DECODED = 3;

/** The prompt as one graph against the same tokens one by one: what a batched kernel or the cache gets wrong shows. */
export async function observeBatch(o: Observing): Promise<Finding> {
  const refused = notInSequence(o);
  if (refused) return refused;
  const tokens = o.session.first.tokens.slice(0, MOST_TOKENS);
  const [first, ...then] = tokens;
  if (first === undefined || then.length === 0) return notMeasured('the prompt is a single token');
  const lane = rightLane(o);
  const atOnce = await captureOf(o, lane, tokens, 'batch');
  const oneByOne = await captureOf(o, lane, [first], 'single', { moreTokens: then.length });
  await advanceAll(oneByOne, then);
  const [many] = await runGroups(o, atOnce, { first: tokens, then: [] }, 'batch');
  const last = (await runGroups(o, oneByOne, { first: [first], then }, 'single')).at(-1);
  assert(many && last, 'two runs of the prompt');
  const whole = tokens.length === o.session.first.tokens.length;
  const what = `${whole ? '' : 'the first '}${tokens.length} tokens at once and one by one`;
  return judged([{ many, row: tokens.length - 1, last }], what);
}

/** Prompt and following tokens as one graph against their decode on the cache. */
export async function observeCachedDecode(o: Observing): Promise<Finding> {
  const refused = notInSequence(o);
  if (refused) return refused;
  const prompt = o.session.first.tokens;
  const lane = rightLane(o);
  const cached = await captureOf(o, lane, prompt, 'cached', { moreTokens: DECODED });
  const then: number[] = [];
  for (let step = cached.first; then.length < DECODED && step.next !== undefined;) {
    then.push(step.next);
    step = await cached.advance([step.next]);
  }
  if (then.length === 0) return notMeasured('no token follows this prompt');
  const full = await captureOf(o, lane, [...prompt, ...then], 'full');
  const steps = await runGroups(o, cached, { first: prompt, then }, 'cached');
  const [many] = await runGroups(o, full, { first: [...prompt, ...then], then: [] }, 'full');
  assert(many, 'a full forward');
  const pairs = steps.slice(1).map((last, i): RowPair => ({ many, row: prompt.length + i, last }));
  return judged(pairs, `${then.length} tokens in one full forward and decoded on the cache`);
}

function notInSequence({ spec, session }: Observing): Finding | undefined {
  if (spec.kind === 'cmd') return notMeasured('a foreign program evaluates the prompt only');
  return session.first.hasLogits ? undefined : notMeasured('this graph does not end in logits');
}

function judged(pairs: readonly RowPair[], what: string): Finding {
  const found = compareRows(pairs);
  if (!found) return notMeasured('the two runs have no last node in common');
  const { nmse, limit, node } = found;
  const text = `${what} end ${nmse.toExponential(1)} NMSE apart (limit ${limit.toExponential(1)})`;
  if (nmse <= limit) return { state: 'same', text, node: null };
  return { state: 'different', text: node === undefined ? text : `${text}, first at ${node}`, node: node ?? null };
}
