import { describe, expect, it } from 'vitest';

import { escapeHtml } from '../../../src/main/reports/escape-html';
import {
  escapeMarkdown,
  markdownBlock,
  markdownCode,
  markdownCodeCell,
} from '../../../src/main/reports/escape-markdown';

describe('names in reports', () => {
  it('are text in HTML', () => {
    expect(escapeHtml('<b>&"\'\u001b[2J\u202e')).toBe('&lt;b&gt;&amp;&quot;&#39;\\x1b[2J\\u202e');
  });

  it('are text in Markdown: no tags, no links, no cells, no rows', () => {
    expect(escapeMarkdown('<img src=x>[a](b)|c\nd`e\u009b')).toBe('&lt;img src=x&gt;\\[a\\](b)\\|c d\\`e\\\\x9b');
  });

  it('cannot leave their code', () => {
    expect(markdownCode('a`b``c')).toBe('```a`b``c```');
    expect(markdownCode('`a')).toBe('`` `a ``');
    expect(markdownCode('a\nb\u001b')).toBe('`a\\nb\\x1b`');
    expect(markdownCodeCell('a|b')).toBe('`a\\|b`');
    expect(markdownBlock('python', ['x = "```"'])).toEqual(['````python', 'x = "```"', '````']);
  });
});
