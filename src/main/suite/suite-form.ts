/** The form of a suite's JSON (`quarrel.suite/1`, docs/suite.md): what each field may be, and what goes together. */
import { z } from 'zod';

import { QuarrelError } from '../../shared/base/errors';
import { countOf, oneOrMore, refuse, textOf } from '../../shared/base/json';
import { parseLane } from '../../shared/divergence/lane-spec';

export const SUITE_SCHEMA = 'quarrel.suite/1';

const path = textOf('a path');
const name = textOf('a name');
const tokens = z.array(countOf('a token id')).min(1, 'a list of token ids');

const lane = textOf('a lane, as webgpu or trace:FILE').superRefine((text, ctx) => {
  try {
    parseLane(text);
  } catch (e) {
    if (!(e instanceof QuarrelError)) throw e;
    refuse(ctx, e.message);
  }
});

const expectation = z
  .strictObject({
    verdict: z.enum(['clean', 'diverged']).exactOptional(),
    node: oneOrMore(textOf('the key of a node')).exactOptional(),
    step: countOf('a decode step, 0 for the prompt,').exactOptional(),
    cause: oneOrMore(textOf('the id of a cause, or "none",')).exactOptional(),
    token: z.union([textOf('a text or id'), countOf('a text or id').transform(String)], 'a text or id').exactOptional(),
    minLogit: z.number().exactOptional(),
  })
  .transform((found, ctx) => {
    const place = (['node', 'cause', 'step'] as const).find((key) => found[key] !== undefined);
    if (place === undefined) return found;
    if (found.verdict === 'clean') {
      const why = 'a clean verdict has no bad node: "verdict" is "diverged" where node, step or cause is expected';
      refuse(ctx, why, [place]);
    }
    return { verdict: 'diverged' as const, ...found };
  });

const prompt = z.union(
  [
    textOf('a text that is not empty'),
    z
      .strictObject({
        name: name.exactOptional(),
        text: textOf('a text that is not empty').exactOptional(),
        tokens: tokens.exactOptional(),
        steps: countOf('a number of decode steps').exactOptional(),
        stepTokens: tokens.exactOptional(),
      })
      .superRefine(({ text, tokens: ids }, ctx) => {
        if (text !== undefined && ids) refuse(ctx, 'it has "text" and "tokens": one of them expected');
      }),
  ],
  'a text, or an object with text or tokens,',
);

const candidate = z.union(
  [
    lane,
    z.strictObject({
      lane,
      name: name.exactOptional(),
      map: path.exactOptional(),
      repro: path.exactOptional(),
      strict: z.boolean().exactOptional(),
      expect: expectation.exactOptional(),
    }),
  ],
  'a lane, or an object with one,',
);

const parts = {
  models: oneOrMore(textOf('a path or glob')).exactOptional(),
  prompts: oneOrMore(prompt).exactOptional(),
  candidates: oneOrMore(candidate).exactOptional(),
  reference: lane.exactOptional(),
  threads: countOf('a number of threads').exactOptional(),
  strict: z.boolean().exactOptional(),
  expect: expectation.exactOptional(),
};
const partsForm = z.strictObject(parts);

export type PartsForm = z.infer<typeof partsForm>;
export type PromptForm = z.infer<typeof prompt>;
export type CandidateForm = z.infer<typeof candidate>;

export const form = z.strictObject({
  schema: z.literal(SUITE_SCHEMA),
  name: name.exactOptional(),
  defaults: partsForm.default({}),
  ...parts,
  entries: z.array(partsForm).min(1, 'a list of objects').exactOptional(),
});
