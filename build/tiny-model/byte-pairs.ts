/** A small GPT-2 style vocabulary: every byte, then pairs learned from a text in which they are frequent. */

export interface BytePairs {
  /** Token texts by id, in the spelling of GPT-2's byte-to-unicode table. */
  readonly tokens: readonly string[];
  /** Merge rules `left right`, the most frequent first. */
  readonly merges: readonly string[];
}

/**
 * GPT-2 spells each byte as a printable character: printable ones as themselves, the rest from U+0100 on.
 * Source: `bytes_to_unicode` of openai/gpt-2 (src/encoder.py), `unicode_utf8_to_byte` of llama.cpp (src/unicode.cpp).
 */
export function byteSpelling(): readonly string[] {
  const printable = (b: number): boolean => (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
  let next = 0x100;
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(printable(b) ? b : next++));
}

/** Learns `count` merges from `text`; ties go to the pair that comes first in code unit order. */
export function learnBytePairs(text: string, count: number): BytePairs {
  const spelling = byteSpelling();
  const words = (text.match(/ ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+/g) ?? []).map((word) =>
    Array.from(new TextEncoder().encode(word), (b) => spelling[b]!),
  );
  const merges: string[] = [];
  const tokens = [...spelling];
  while (merges.length < count) {
    const pair = mostFrequentPair(words);
    if (pair === undefined) throw new Error(`the text has only ${merges.length} pairs, ${count} are wanted`);
    const [left, right] = pair;
    merges.push(`${left} ${right}`);
    tokens.push(left + right);
    for (const word of words) mergeIn(word, left, right);
  }
  return { tokens, merges };
}

function mostFrequentPair(words: readonly (readonly string[])[]): readonly [string, string] | undefined {
  const counts = new Map<string, number>();
  for (const word of words) {
    for (let i = 1; i < word.length; i++) {
      const pair = `${word[i - 1]} ${word[i]}`;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
  }
  let best: string | undefined;
  let bestCount = 0;
  for (const [pair, n] of counts) {
    if (n > bestCount || (n === bestCount && best !== undefined && pair < best)) {
      best = pair;
      bestCount = n;
    }
  }
  return best?.split(' ') as [string, string] | undefined;
}

function mergeIn(word: string[], left: string, right: string): void {
  for (let i = 0; i + 1 < word.length; i++) {
    if (word[i] === left && word[i + 1] === right) word.splice(i, 2, left + right);
  }
}
