import { describe, expect, it } from 'vitest';

import { laidOut, marked, printable, printableJson } from '../../../src/shared/base/printable';

const HOSTILE = '\u001b]0;title\u0007\u001b[2J\u009b31m\u202eevil\u2066\u2028\u200e\ufeff\nrow\r\u007f';
/** Whatever a terminal, a page or an editor might act on. */
const ACTS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

describe('text that may be shown', () => {
  it('has escapes for what acts, on one line, and the rest as it was', () => {
    expect(printable(HOSTILE)).not.toMatch(ACTS);
    expect(printable('a\u001b[2Jb\nc\u202ed é 中 👩‍👩‍👧')).toBe('a\\x1b[2Jb\\nc\\u202ed é 中 👩‍👩‍👧');
  });

  it('is laid out in lines that names cannot break, and quoted text is not escaped twice', () => {
    const document = { name: `x${HOSTILE}`, names: new Map([['a\nb', 1]]), token: ' Paris\n', more: [null, 3, 'ok'] };
    const shown = marked(document);
    const text = laidOut([shown.name, ...shown.names.keys(), JSON.stringify(shown.token)].join('\n'));
    expect(text).not.toMatch(ACTS);
    expect(text.split('\n')).toHaveLength(3);
    expect(text).toMatch(/^a\\nb$/m);
    expect(text).toMatch(/^" Paris\\n"$/m);
    expect(shown.more).toEqual(document.more);
  });

  it('keeps its values in JSON', () => {
    const document = { [HOSTILE]: HOSTILE, lines: 1 };
    const json = printableJson(JSON.stringify(document, undefined, 2));
    expect(json).not.toMatch(ACTS);
    expect(JSON.parse(json)).toEqual(document);
  });
});
