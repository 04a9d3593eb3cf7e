import { QuarrelError } from '../base/errors';
import type { Cursor } from './cursor';

// A leading U+FEFF is part of a token, not a mark of the encoding.
const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** Reads a string's length. Throws QuarrelError where it exceeds `limit` or the file. */
export function readLength(cursor: Cursor, limit: number, what: string): number {
  const at = cursor.position;
  const length = cursor.count(`the length of ${what}`);
  if (length > limit) {
    throw new QuarrelError(
      `${cursor.label}: ${what} at byte ${at} has ${cursor.exact(at)} bytes, expected at most ${limit}`,
    );
  }
  return length;
}

/**
 * A string with its u64 length in front; invalid UTF-8 shows as U+FFFD. Of a string longer than `kept` bytes the
 * beginning.
 */
export function readText(cursor: Cursor, limit: number, kept: number, what: string): string {
  const length = readLength(cursor, limit, what);
  cursor.need(length, what);
  const text = lenient.decode(cursor.bytes(Math.min(length, kept), what));
  cursor.skip(Math.max(0, length - kept), what);
  return text;
}

/** The same, and whether its bytes were UTF-8. */
export function readCheckedText(cursor: Cursor, limit: number, what: string): { text: string; valid: boolean } {
  const bytes = cursor.bytes(readLength(cursor, limit, what), what);
  try {
    return { text: strict.decode(bytes), valid: true };
  } catch {
    return { text: lenient.decode(bytes), valid: false };
  }
}

const QUOTED_CHARACTERS = 100;

/** A name from a file, for messages: quoted, on one line, not longer than a line. */
export function quoted(name: string): string {
  const whole = JSON.stringify(name.slice(0, QUOTED_CHARACTERS));
  return whole.length > QUOTED_CHARACTERS ? `${whole.slice(0, QUOTED_CHARACTERS)}…"` : whole;
}
