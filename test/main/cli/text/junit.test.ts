import { describe, expect, it } from 'vitest';

import { junitXml } from '../../../../src/main/cli/text/junit';

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescape(text: string): string {
  if (/[<\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(text)) throw new Error(`raw in text: ${JSON.stringify(text)}`);
  return text.replace(/&([^;]*);?/g, (whole, name: string) => {
    const found = whole.endsWith(';') ? ENTITIES[name] : undefined;
    if (found === undefined) throw new Error(`no entity: ${whole}`);
    return found;
  });
}

/** Reads XML of elements, attributes and text, and throws where it is not well-formed. */
function parseXml(xml: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const stack = [root];
  const body = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '');
  if (body === xml) throw new Error('no declaration');
  for (const [, tag, text] of body.matchAll(/<([^<>]*)>|([^<>]+)/g)) {
    const top = stack.at(-1);
    if (text !== undefined) {
      top.text += unescape(text);
    } else if (tag!.startsWith('/')) {
      if (stack.pop()!.name !== tag!.slice(1)) throw new Error(`</${tag}> closes <${top.name}>`);
    } else {
      const [, name, attributes, empty] = /^([\w-]+)((?: \w+="[^"<]*")*)(\/?)$/.exec(tag!) ?? [];
      if (name === undefined) throw new Error(`no tag: <${tag}>`);
      const pairs = [...attributes!.matchAll(/ (\w+)="([^"]*)"/g)].map(([, k, v]) => [k!, unescape(v!)] as const);
      const element = { name, attributes: Object.fromEntries(pairs), children: [], text: '' };
      if (Object.keys(element.attributes).length !== pairs.length) throw new Error(`an attribute twice: ${tag}`);
      top.children.push(element);
      if (empty === '') stack.push(element);
    }
  }
  if (stack.length !== 1 || root.children.length !== 1) throw new Error('not one root element');
  return root.children[0]!;
}

const fine = { name: 'a.gguf', seconds: 1.25, problems: [] };

describe('junitXml', () => {
  it('is one suite with a case each, and counts', () => {
    const cases = [fine, { name: 'b.gguf', seconds: 0.5, problems: ['first', 'second'] }, { ...fine, name: 'c' }];
    const root = parseXml(junitXml('quarrel conformance', cases));
    const counts = { tests: '3', failures: '1', errors: '0', time: '3.000' };
    expect(root).toMatchObject({ name: 'testsuites', attributes: counts });
    const [suite, ...more] = root.children;
    expect(more).toEqual([]);
    expect(suite).toMatchObject({ name: 'testsuite', attributes: { name: 'quarrel conformance', ...counts } });
    expect(suite!.children.map((c) => [c.name, c.attributes])).toEqual([
      ['testcase', { classname: 'quarrel conformance', name: 'a.gguf', time: '1.250' }],
      ['testcase', { classname: 'quarrel conformance', name: 'b.gguf', time: '0.500' }],
      ['testcase', { classname: 'quarrel conformance', name: 'c', time: '1.250' }],
    ]);
  });

  it('says what went wrong: the first line in short, all of them in full', () => {
    const problems = ['x-0 (ADD) is wrong', 'y-0 (MUL) is wrong'];
    const [suite] = parseXml(junitXml('s', [{ name: 'b', seconds: 0, problems }, fine])).children;
    const [failed, passed] = suite!.children;
    expect(failed!.children).toEqual([
      { name: 'failure', attributes: { message: problems[0] }, children: [], text: problems.join('\n') },
    ]);
    expect(passed!.children).toEqual([]);
  });

  it('keeps remarks apart from what went wrong', () => {
    const remarks = ['8 nodes round', 'activations in F16'];
    const [suite] = parseXml(
      junitXml('s', [
        { ...fine, remarks },
        { ...fine, problems: ['wrong'], remarks },
      ]),
    ).children;
    const out = { name: 'system-out', attributes: {}, children: [], text: remarks.join('\n') };
    expect(suite!.children.map((c) => c.children)).toMatchObject([[out], [{ name: 'failure' }, out]]);
    expect(suite!.attributes).toMatchObject({ tests: '2', failures: '1' });
  });

  it('tells a case that could not be carried out from one that failed', () => {
    const root = parseXml(
      junitXml('s', [
        { ...fine, error: 'no such file' },
        { ...fine, problems: ['wrong'] },
      ]),
    );
    expect(root.attributes).toMatchObject({ tests: '2', failures: '1', errors: '1' });
    const [broken, failed] = root.children[0]!.children;
    expect(broken!.children).toEqual([
      { name: 'error', attributes: { message: 'no such file' }, children: [], text: 'no such file' },
    ]);
    expect(failed!.children[0]!.name).toBe('failure');
  });

  it('keeps every character, as an escape where XML cannot hold it or it would act on a reader', () => {
    const nasty = `<a href="x">'&amp;' & ]]> \ttab ümlaut 🦙 –`;
    const shown = nasty.replace('\t', '\\t');
    const xml = junitXml(`suite ${nasty}`, [
      {
        name: `name ${nasty}`,
        seconds: 0,
        problems: [`why ${nasty}`, '\u0000bell\u0007 \u001b[31mred\u001b[0m \ufffe'],
      },
    ]);
    const [suite] = parseXml(xml).children;
    expect(suite!.attributes['name']).toBe(`suite ${shown}`);
    const [failed] = suite!.children;
    expect(failed!.attributes).toMatchObject({ classname: `suite ${shown}`, name: `name ${shown}` });
    const [failure] = failed!.children;
    expect(failure!.attributes['message']).toBe(`why ${shown}`);
    expect(failure!.text).toBe(`why ${shown}\n\\x00bell\\x07 \\x1b[31mred\\x1b[0m `);
  });

  it('is well-formed without cases', () => {
    expect(parseXml(junitXml('none', [])).attributes).toEqual({
      tests: '0',
      failures: '0',
      errors: '0',
      time: '0.000',
    });
  });
});
