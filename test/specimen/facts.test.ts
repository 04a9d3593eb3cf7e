import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { continuations } from '../../src/main/capture/continuations';
import { resourcesDir, specimenPath } from '../../src/main/entry-path';
import { sha256Of } from '../../src/main/repro/sha256';
import type { Fact } from './specimen-facts';
import { capitals, factCases, facts, LEAST_LOGIT, says, silent, TYPES } from './specimen-facts';

/** Tokens of the longest capitals (Port-au-Prince). */
const CAPITAL_TOKENS = 5;
const promptsOf = (list: readonly Fact[]): readonly string[] => list.map(([prompt]) => prompt);

describe('the files of the specimen', () => {
  const folder = path.join(resourcesDir(), 'specimen');
  const sums = fs
    .readFileSync(path.join(folder, 'SHA256SUMS'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/) as [string, string]);

  it('have the checksums that stand beside them', () => {
    expect(sums.map(([, name]) => name)).toEqual(TYPES.map((type) => path.basename(specimenPath(type))));
    for (const [sum, name] of sums) expect(sha256Of(path.join(folder, name)), name).toBe(sum);
  });

  it('are together under 30 MB', () => {
    const bytes = sums.map(([, name]) => fs.statSync(path.join(folder, name)).size);
    expect(bytes.reduce((a, b) => a + b)).toBeLessThan(30e6);
  });
});

describe('the suite of facts', () => {
  it('asks at least 20 things of both files, on both lanes', () => {
    expect(facts().length).toBeGreaterThanOrEqual(20);
    expect(new Set(factCases().map((c) => c.modelPath))).toEqual(new Set(TYPES.map((type) => specimenPath(type))));
    expect(new Set(factCases().map((c) => c.candidate.lane))).toEqual(new Set(['reference', 'webgpu']));
    expect(factCases()).toHaveLength(facts().length * 4);
    for (const { expect: wanted } of factCases()) expect(wanted.minLogit).toBe(LEAST_LOGIT);
  });
});

describe.each(TYPES)('the specimen in %s on llama.cpp', (type) => {
  it('says " Paris", and what the suite expects, with logits above 7', async () => {
    const asked = facts();
    expect(asked).toContainEqual(['The capital of France is', ' Paris']);
    const answers = await continuations(specimenPath(type), promptsOf(asked), 1, silent());
    expect(answers.map(({ next }, i) => [asked[i]?.[0], next[0]?.text])).toEqual(asked);
    for (const { next } of answers) expect(next[0]?.logit).toBeGreaterThan(LEAST_LOGIT);
  });

  it('knows at least 95 % of all capitals, to their last letter', async () => {
    const asked = capitals();
    expect(asked.length).toBeGreaterThan(240);
    const answers = await continuations(specimenPath(type), promptsOf(asked), CAPITAL_TOKENS, silent());
    const wrong = asked.flatMap(([prompt, capital], i) => {
      const text = answers[i]?.next.map((t) => t.text).join('') ?? '';
      return text.startsWith(capital) ? [] : [`${prompt}${text}, not${capital}`];
    });
    expect(1 - wrong.length / asked.length, wrong.join('\n')).toBeGreaterThanOrEqual(0.95);
  });

  it('does not let one prompt into the next', async () => {
    const [alone] = await continuations(specimenPath(type), ['The capital of Japan is'], 3, silent());
    const [, after] = await continuations(
      specimenPath(type),
      ['The capital of France is', 'The capital of Japan is'],
      3,
      silent(),
    );
    expect(after).toEqual(alone);
  });
});

describe.each(TYPES)('the specimen in %s on the reference', (type) => {
  it.each(facts().filter((_, i) => i % 9 === 0))('%j goes on with %j', async (prompt, token) => {
    const next = await says('reference', type, prompt);
    expect(next?.text).toBe(token);
    expect(next?.logit).toBeGreaterThan(LEAST_LOGIT);
  });
});

describe('a continuation', () => {
  it('needs a prompt with tokens', async () => {
    await expect(continuations('no-such.gguf', ['a'], 1, silent())).rejects.toThrow(/no model file no-such\.gguf/);
  });
});
