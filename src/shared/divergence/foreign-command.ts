/** The command line of a `cmd:` lane: words in quotes, and placeholders for what one run needs. */
import { QuarrelError } from '../base/errors';

/** Words of the command, placeholders not yet filled in; the first is the program. */
export interface ForeignCommand {
  readonly words: readonly string[];
  /** Whether the program can be asked for chosen nodes. */
  readonly takesCheckpoints: boolean;
}

/** What one run is told. */
export interface ForeignRun {
  readonly model: string;
  readonly tokens: readonly number[];
  /** The trace that it is to write. */
  readonly out: string;
  /** Keys of the wanted nodes. */
  readonly checkpoints: readonly string[];
}

type Placeholder = keyof ForeignRun;

const PLACEHOLDERS: readonly Placeholder[] = ['model', 'tokens', 'out', 'checkpoints'];
const PLACEHOLDER = /\{([a-z]+)\}/g;
const GRAMMAR = 'cmd:PROGRAM … {model} {tokens} {out} [{checkpoints}]';

/** Throws QuarrelError: a quote without its end, an unknown placeholder, no `{out}`. */
export function parseForeignCommand(text: string): ForeignCommand {
  const split = splitWords(text);
  // cmd:"program {model}": the whole in quotes, as a shell would have taken them off.
  const words = split.length === 1 && /^\s*["']/.test(text) ? splitWords(split[0] ?? '') : split;
  if (words.length === 0) throw new QuarrelError(`lane "cmd:": no program; ${GRAMMAR} expected`);
  const used = new Set(words.flatMap((word) => [...word.matchAll(PLACEHOLDER)].map((m) => m[1] as string)));
  const unknown = [...used].find((name) => !PLACEHOLDERS.some((p) => p === name));
  if (unknown !== undefined) {
    throw new QuarrelError(`lane "cmd:": unknown placeholder {${unknown}}; ${GRAMMAR} expected`);
  }
  if (!used.has('out')) {
    throw new QuarrelError(
      `lane "cmd:": {out}, the trace that the program is to write, is missing; ${GRAMMAR} expected`,
    );
  }
  return { words, takesCheckpoints: used.has('checkpoints') };
}

/** The words of one run. A placeholder inside a word is filled in there: `--out={out}`. */
export function commandWords({ words }: ForeignCommand, run: ForeignRun): readonly string[] {
  const values: Readonly<Record<string, string>> = {
    model: run.model,
    tokens: run.tokens.join(','),
    out: run.out,
    checkpoints: run.checkpoints.join(','),
  };
  return words.map((word) => word.replace(PLACEHOLDER, (whole, name: string) => values[name] ?? whole));
}

/**
 * Splits at blanks outside of quotes. Single quotes keep all as it is; in double quotes a backslash stands before a
 * quote or a backslash. Outside, a backslash is a character like any other, as in paths of Windows.
 */
function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (c === '"' || c === "'") {
      const { content, end } = quoted(text, i);
      word = (word ?? '') + content;
      i = end;
    } else {
      word = (word ?? '') + c;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

function quoted(text: string, start: number): { readonly content: string; readonly end: number } {
  const quote = text.charAt(start);
  let content = '';
  for (let i = start + 1; i < text.length; i++) {
    let c = text.charAt(i);
    if (c === quote) return { content, end: i };
    if (c === '\\' && quote === '"' && /["\\]/.test(text.charAt(i + 1))) c = text.charAt(++i);
    content += c;
  }
  throw new QuarrelError(
    `lane "cmd:": the quote ${quote} at character ${start + 1} has no end in ${JSON.stringify(text)}`,
  );
}
