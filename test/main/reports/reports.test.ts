import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { htmlReport } from '../../../src/main/reports/html';
import { markdownReport } from '../../../src/main/reports/markdown';
import { reportModel } from '../../../src/main/reports/report-model';
import { reportKindOf, reportOf } from '../../../src/main/reports/report';
import type { Cause } from '../../../src/shared/divergence/cause';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import { sampleEntry, sampleRounded, sampleVerdict } from '../../renderer/sample-verdict';
import { tinyModelPath } from '../../helpers/shared-files';
import { dumpOf, reproOf } from '../repro/repro-fixture';

const HOSTILE = `<script>alert("1")</script> & 'x' | *b* [l](javascript:0)`;

let root: string;
let verdict: Verdict;
beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'report-test-'));
  const lane = await dumpOf(root, (key, values) =>
    key === 'ffn_gate-2' ? values.map((v, i) => (i % 7 === 0 ? v * 1.5 : v)) : values,
  );
  verdict = await reproOf(path.join(root, 'repro'), { modelPath: tinyModelPath(), candidate: lane });
}, 60_000);
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const CAUSE: Cause = {
  id: 'x',
  title: HOSTILE,
  explained: 0.9999,
  nodes: ['ffn_gate-2'],
  parameters: { scale: 1, right: 0.125 },
  explanation: HOSTILE,
  whereToLook: 'Where gates are multiplied.',
  citations: ['owner/repo#1'],
  alternatives: [],
};

function withCause(v: Verdict): Verdict {
  const firstBad = { ...v.firstBad!, cause: CAUSE };
  return { ...v, candidate: `trace:/deep/${HOSTILE}`, firstBad, allBad: [firstBad], cause: CAUSE };
}

describe('HTML', () => {
  it('is one page that loads and runs nothing, for dark and light', () => {
    const html = htmlReport(reportModel(verdict));
    expect(html).toMatch(/^<!doctype html>/);
    expect(html).toContain('prefers-color-scheme: dark');
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/<script|<link|<img|<iframe|url\(|@import|https?:|src=|href=| on\w+=/i);
  });

  it('shows the figures and the three plots', () => {
    const html = htmlReport(reportModel(verdict));
    expect(html.match(/<svg /g)).toHaveLength(3);
    expect(html.match(/<circle class="(local|bad)"[^>]*><title>/g)).toHaveLength(verdict.profile.length);
    expect(html.match(/<circle class="bad"[^>]*><title>/g)).toHaveLength(verdict.allBad.length);
    expect(html).toContain('<path class="noise"');
    expect(html).toContain('<path class="margin"');
    expect(html).toContain('<path class="hot"');
    expect(html).toContain('blk.2.ffn_gate.weight');
    expect(html).not.toMatch(/="[^"]*NaN|undefined|Infinity/);
    expect(opened(html)).toEqual([]);
  });

  it('escapes what comes from files', () => {
    const html = htmlReport(reportModel(withCause(verdict)));
    expect(html).not.toContain('<script');
    expect(html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;');
    expect(opened(html)).toEqual([]);
  });
});

/** Elements that are opened and not closed, or the other way round. */
function opened(html: string): string[] {
  const open: string[] = [];
  for (const [, end, name, selfClosed] of html.matchAll(/<(\/?)([a-z]\w*)[^>]*?(\/?)>/gi)) {
    if (selfClosed === '/' || ['meta', 'br'].includes(name!)) continue;
    if (end === '') open.push(name!);
    else if (open[open.length - 1] === name) open.pop();
    else open.push(`/${name}`);
  }
  return open;
}

describe('Markdown', () => {
  it('tells node, figures, layers and what is unexplained', () => {
    const text = markdownReport(reportModel(verdict));
    expect(text).toMatch(/^# ffn_gate-2 is wrong in trace:dump\.safetensors\n/);
    expect(text).toContain('| tensor | blk.2.ffn_gate.weight |');
    expect(text).toContain('## Cause: unexplained');
    expect(text).not.toMatch(/[^\\]__/);
    expect(text).toMatch(/\| 2 \| [\d.e+]+ \| ffn_\w+-2 \| .* \| bad \|/);
    expect(text).not.toMatch(/\| NaN|undefined/);
  });

  it('tells the cause, and takes no markup from names', () => {
    const text = markdownReport(reportModel(withCause(verdict)));
    expect(text).toContain('reproduces 99.99 % of the error');
    expect(text).toContain('| scale | 1 |');
    expect(text).toContain('## What to check in your code\n\nWhere gates are multiplied.');
    expect(text).not.toContain('<script');
    expect(text).not.toContain('[l](');
    for (const row of text.split('\n').filter((l) => l.startsWith('|'))) expect(row).toMatch(/\|$/);
  });

  it('says of a clean verdict that nothing is wrong', () => {
    const text = reportOf('markdown', { ...verdict, verdict: 'clean', firstBad: null, allBad: [], cause: null });
    expect(text).toMatch(/^# trace:dump\.safetensors is clean/);
    expect(text).toContain('Every measured node is within its noise floor.');
    expect(text).not.toContain('## Cause');
  });
});

describe('rounding', () => {
  const rounded = [sampleRounded('kq-0'), sampleRounded('kqv-1', { text: 'results in F16' }, { step: 1 })];
  const profile = [
    sampleEntry('kq-0', 0, { local: 8e-6, floor: 1e-6, rounded: true }),
    sampleEntry('kqv-1', 1, { local: 1e-3, floor: 1e-6, bad: true }),
    sampleEntry('norm-1', 1, { rounded: true }),
    sampleEntry('norm-2', 2),
  ];
  const v = sampleVerdict({ rounded, profile });
  const everywhere = sampleVerdict({
    rounded: Array.from({ length: 40 }, (_, i) => sampleRounded(`kq-${i}`)),
    profile: [sampleEntry('kq-0', 0, { op: 'MUL_MAT', rounded: true })],
    precision: { level: 'F16', declared: false, text: 'computes in F16: 40 of 73 mat-muls round to it' },
  });

  it('is said in the headline, in short and by its kinds', () => {
    const text = markdownReport(reportModel(v));
    expect(text).toMatch(/^# webgpu is clean; 2 nodes round\n/);
    expect(text).toContain('No measured node is wrong; 2 nodes round.');
    expect(text).toContain('## Rounded: 2 of 4 nodes');
    expect(text).toContain('| activations in F16 | 1 | kq-0 |');
    expect(text).toContain('| results in F16 | 1 | step1/kqv-1 |');
    expect(text).toMatch(/\| 0 \| 8\.0 \| kq-0 .* \| rounded \|/);
    expect(text).toMatch(/\| 1 \| .* \| bad \|/);
  });

  it('is one line where it is everywhere, with the list folded in HTML', () => {
    const text = markdownReport(reportModel(everywhere));
    expect(text).toContain('The candidate computes in F16: 40 of 73 mat-muls round to it.');
    expect(text).not.toContain('kq-39');
    const html = htmlReport(reportModel(everywhere));
    expect(html).toMatch(/<details><summary>All 40 of them<\/summary>.*kq-39/s);
    expect(html).toContain('<th scope="row">precision of the candidate</th>');
    expect(opened(html)).toEqual([]);
  });

  it('has a mark and a colour of its own in both plots, and a legend where there is any', () => {
    const html = htmlReport(reportModel(v));
    expect(html.match(/<rect class="rounded" x="[\d.]+" y="[\d.]+" width="6" height="6"><title>/g)).toHaveLength(2);
    expect(html).toMatch(/<rect class="rounded"[^>]*><title>layer 0, kq-0: 8\.0 noise floors, only rounded</);
    expect(html).toMatch(/<rect class="bad"[^>]*><title>layer 1/);
    expect(html.match(/>only rounded<\/text>/g)).toHaveLength(2);
    expect(htmlReport(reportModel(verdict))).not.toContain('only rounded');
  });

  it('is what differs where it counts', () => {
    const text = markdownReport(reportModel({ ...v, verdict: 'diverged', strict: true }));
    expect(text).toMatch(/^# webgpu rounds\n/);
    expect(text).toContain('Nothing is wrong, but 2 nodes round, and rounding counts (strict).');
    expect(text).toContain('Rounding counts as a difference here (strict).');
  });
});

describe('the kind of a report', () => {
  it('is the suffix of its file', () => {
    expect(['a.json', 'b.MD', 'x/c.html'].map(reportKindOf)).toEqual(['json', 'markdown', 'html']);
    expect(() => reportKindOf('d.pdf')).toThrow('d.pdf: the kind of a report is its suffix: .json, .md, .html');
    expect(JSON.parse(reportOf('json', verdict))).toMatchObject({ schema: 'quarrel.verdict/1' });
  });
});
