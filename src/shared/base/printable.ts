/**
 * Text of files, engines and programs as it may be shown: a name that holds an escape sequence must not command the
 * terminal, and one that holds a line break or turns the direction of writing must not forge what stands beside it.
 * Whoever shows text (terminal, report, README) does this once, at the end; nobody does it before.
 */

/** C0, DEL and C1; marks of direction; line and paragraph separators; the invisible BOM and annotation marks. */
const HIDDEN = String.raw`\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb`;
const ANY_HIDDEN = new RegExp(`[${HIDDEN}]`, 'gu');
/** JSON.stringify escapes C0 itself. */
const HIDDEN_IN_JSON = new RegExp(`(?!\\n)[${HIDDEN}]`, 'gu');

/** A mark holds the place of a hidden character in text that is still to be laid out: U+F0000 (private use) and up. */
const MARK_BASE = 0xf0000;
const MARKS_AND_HIDDEN = new RegExp(`[\\u{f0000}-\\u{fffff}]|(?!\\n)[${HIDDEN}]`, 'gu');

const SHORT: Readonly<Record<string, string>> = { '\n': String.raw`\n`, '\r': String.raw`\r`, '\t': String.raw`\t` };

/** One line: hidden characters become escapes as in source text, `\x1b` or `\u202e`. */
export function printable(text: string): string {
  return text.replace(ANY_HIDDEN, escaped);
}

/** JSON text with the same values, whose hidden characters are escapes. */
export function printableJson(json: string): string {
  return json.replace(HIDDEN_IN_JSON, (c) => `\\u${hex(c, 4)}`);
}

/**
 * A document whose texts have marks for hidden characters, to be laid out in lines; `laidOut` makes the marks escapes. So
 * the line breaks of the layout stay apart from those of names, and quoted text is not escaped twice.
 */
export function marked<T>(document: T): T {
  return markedValue(document) as T;
}

/** The lines of a layout of marked text, as they may be shown. */
export function laidOut(lines: string): string {
  return lines.replace(MARKS_AND_HIDDEN, (c) => {
    const code = c.codePointAt(0) ?? 0;
    return escaped(code >= MARK_BASE ? String.fromCodePoint(code - MARK_BASE) : c);
  });
}

function markedValue(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.replace(ANY_HIDDEN, (c) => String.fromCodePoint(MARK_BASE + c.charCodeAt(0)));
  }
  if (Array.isArray(value)) return value.map(markedValue);
  if (value instanceof Map) return new Map([...value].map(([key, v]) => [markedValue(key), markedValue(v)]));
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [markedValue(key), markedValue(v)]));
}

function escaped(c: string): string {
  return SHORT[c] ?? (c.charCodeAt(0) < 0x100 ? `\\x${hex(c, 2)}` : `\\u${hex(c, 4)}`);
}

function hex(c: string, digits: number): string {
  return c.charCodeAt(0).toString(16).padStart(digits, '0');
}
