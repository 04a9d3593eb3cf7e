import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/shared/divergence/verdict';
import { layerOf } from '../../src/shared/graph/graph';
import { PLANTED_BUGS } from '../planted-bugs/planted-bugs';
import type { QuarrelWindow } from './quarrel-app';
import { answerOpenDialog, answerSaveDialog, launchQuarrel, openTinyModel, runLanes, setTheme } from './quarrel-app';

/** Largest inherited NMSE of a correct lane on the tiny model: llama.cpp quantizes activations (design.md §2). */
const INHERITED_LIMIT = 8e-3;

// One session from opening a model to the exported verdict; each test goes on where the one before it stopped.
describe('the story on the tiny model', () => {
  const bug = PLANTED_BUGS.find((b) => b.name === 'mul-mat-one-layer-rows')!;
  const firstBad = bug.first['quarrel-tiny.gguf']!;
  let quarrel: QuarrelWindow;

  beforeAll(async () => {
    quarrel = await launchQuarrel();
    await setTheme(quarrel, 'Dark');
  });
  afterAll(async () => {
    await quarrel.close();
  });

  it('welcomes and opens the embedded model', async () => {
    const { page } = quarrel;
    await quarrel.shot('welcome-dark');
    await openTinyModel(quarrel);
    await expectText('.facts', '4\u202f984\u202f064');
    expect(await page.locator('.tensors tbody tr').count()).toBe(57 + 7); // tensors, and a line per group
    expect(await page.locator('.tensors tr', { hasText: 'blk.0.attn_v.weight' }).innerText()).toContain('Q6_K');
    await quarrel.shot('model-dark');
    await page.getByRole('searchbox', { name: 'Filter tensors' }).fill('attn_q');
    expect(await page.locator('.tensors tbody tr').count()).toBe(6 + 6);
  });

  it('runs llama, reference and webgpu and shows small errors on every layer', async () => {
    const { page } = quarrel;
    await runLanes(quarrel);
    expect(await page.locator('.labels .name').allInnerTexts()).toEqual(['llama', 'reference', 'webgpu']);
    expect(await page.locator('.labels').innerText()).not.toContain('did not run');
    await quarrel.shot('timeline-dark');
    await page.getByRole('radio', { name: 'Table' }).click();
    const rows = page.locator('.table-body tbody tr');
    expect(await rows.locator('td:first-child').allInnerTexts()).toEqual([
      'Input',
      ...[0, 1, 2, 3, 4, 5].map((n) => `Layer ${n}`),
      'Output',
    ]);
    const errors = await rows.locator('td.num:nth-child(3), td.num:nth-child(5)').allInnerTexts();
    expect(errors).toHaveLength(16);
    for (const error of errors) expect(Number(error)).toBeLessThan(INHERITED_LIMIT);
    await page.getByRole('radio', { name: 'Chart' }).click();
  });

  it('shows the same next token on all lanes', async () => {
    const first = await quarrel.page.locator('.logits tbody tr:first-child .token').allInnerTexts();
    expect(first).toHaveLength(3);
    expect(new Set(first).size).toBe(1);
  });

  it('is reachable by keyboard: moves, zooms, opens the layer view', async () => {
    const { page } = quarrel;
    await page.getByRole('application').focus();
    for (const key of ['Home', 'PageDown', 'PageDown', 'ArrowRight']) await page.keyboard.press(key);
    expect(await page.locator('#timeline-selection').innerText()).toContain('layer 1');
    for (let i = 0; i < 5; i++) await page.keyboard.press('+');
    await page.locator('canvas').hover({ position: { x: 300, y: 60 } });
    await page.getByRole('tooltip').waitFor();
    await quarrel.shot('timeline-zoom-dark');
    await page.keyboard.press('Enter');
    await page.locator('.depth').waitFor();
    expect(await page.getByRole('combobox', { name: 'Layer' }).locator('option:checked').innerText()).toBe('Layer 1');
  });

  it('shows a checkpoint in depth: statistics, histogram, largest differences with coordinates', async () => {
    const { page } = quarrel;
    await page.getByRole('row', { name: /^ffn_out-1/ }).click();
    await page.locator('#detail-title', { hasText: 'ffn_out-1' }).waitFor();
    await page.locator('.depth canvas').waitFor();
    const differences = await page.locator('.depth tbody tr td:first-child').allInnerTexts();
    expect(differences.length).toBeGreaterThan(5);
    for (const index of differences) expect(index).toMatch(/^\[\d+, \d, 0, 0\]$/);
    await quarrel.shot('layer-dark');
  });

  it('finds the planted bug with one click', async () => {
    const { page } = quarrel;
    await answerOpenDialog(quarrel, bug.folder);
    await page.getByRole('button', { name: 'Add lane' }).click();
    await page.getByRole('menuitem', { name: /my kernels/ }).click();
    await page.getByRole('button', { name: 'Find first bad layer' }).click();
    await page.locator('.stages').waitFor();
    await page.locator('.card').waitFor({ timeout: 90_000 });
    expect(await page.locator('.card .word').innerText()).toMatch(/diverged/i);
    expect(await page.locator('.card h1').innerText()).toBe(`First bad: layer ${layerOf(firstBad)}, ${firstBad}`);
    await expectText('.facts', 'MUL_MAT');
    await expectText('.facts', 'blk.3.ffn_gate.weight');
    await quarrel.shot('verdict-dark');
    await setTheme(quarrel, 'Light');
    await quarrel.shot('verdict-light');
  });

  it('exports the verdict as JSON', async () => {
    const path = join(quarrel.folder, 'verdict.json');
    await answerSaveDialog(quarrel, path);
    await quarrel.page.getByRole('button', { name: 'Export' }).click();
    await quarrel.page.getByRole('menuitem', { name: /JSON/ }).click();
    await quarrel.page.getByText(`Saved to ${path}`).waitFor();
    const verdict = JSON.parse(readFileSync(path, 'utf8')) as Verdict;
    expect(verdict).toMatchObject({
      schema: 'quarrel.verdict/1',
      verdict: 'diverged',
      candidate: `webgpu@${bug.folder}`,
      firstBad: { layer: layerOf(firstBad), node: firstBad, op: 'MUL_MAT', tensor: 'blk.3.ffn_gate.weight' },
    });
    expect(verdict.firstBad!.worst.index[0]).toBeGreaterThanOrEqual(128);
  });

  it('leads from the verdict to the node in the layer view', async () => {
    const { page } = quarrel;
    await page.getByRole('button', { name: 'Open in layer view' }).click();
    await page.locator('#detail-title', { hasText: firstBad }).waitFor({ timeout: 60_000 });
    await page.locator('.depth').waitFor();
    expect(await page.locator('tr[aria-selected=true] td:first-child').innerText()).toBe(firstBad);
    await quarrel.shot('layer-light');
    await page.getByRole('button', { name: 'Timeline' }).click();
    await page.getByRole('application').waitFor();
    await quarrel.shot('timeline-light');
    await page.getByRole('button', { name: 'Model', exact: true }).click();
    await quarrel.shot('model-light');
  });

  it('never fell foul of its content security policy or its own code', () => {
    expect(quarrel.complaints).toEqual([]);
  });

  async function expectText(selector: string, text: string): Promise<void> {
    expect(await quarrel.page.locator(selector).first().innerText()).toContain(text);
  }
});
