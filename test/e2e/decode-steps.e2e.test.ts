import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QuarrelWindow } from './quarrel-app';
import { projectRoot } from '../../src/main/entry-path';
import { answerOpenDialog, launchQuarrel, openTinyModel, runLanes, setTheme } from './quarrel-app';

const STEPS = 3;

/** Kernels whose ROPE counts positions from 0 in each batch: right for a prompt, wrong for every decode step. */
function overlayWithBug(folder: string): string {
  const source = readFileSync(join(projectRoot(), 'shaders', 'ops', 'rope.wgsl'), 'utf8');
  const line = 'let position = src1_bits(address(params.src1, vec4<u32>(index, 0u, 0u, 0u)));';
  expect(source).toContain(line);
  const overlay = join(folder, 'rope-counts-from-0');
  mkdirSync(join(overlay, 'ops'), { recursive: true });
  writeFileSync(join(overlay, 'ops', 'rope.wgsl'), source.replace(line, 'let position = token;'));
  return overlay;
}

// One session; each test goes on where the one before it stopped.
describe('decode steps on the tiny model', () => {
  let quarrel: QuarrelWindow;

  beforeAll(async () => {
    quarrel = await launchQuarrel();
    await setTheme(quarrel, 'Dark');
    await openTinyModel(quarrel);
  });
  afterAll(async () => {
    await quarrel.close();
  });

  it('takes a number of steps, and nothing else', async () => {
    const { page } = quarrel;
    const field = page.getByRole('spinbutton', { name: 'Decode steps' });
    expect(await field.inputValue()).toBe('0');
    const run = page.getByRole('button', { name: 'Run lanes' });
    await field.fill('65');
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    expect(await run.isDisabled()).toBe(true);
    await field.fill('2');
    await field.press('ArrowUp');
    expect(await field.inputValue()).toBe(String(STEPS));
    expect(await run.isDisabled()).toBe(false);
  });

  it('shows the prompt and each decode step, named by its token', async () => {
    const { page } = quarrel;
    await runLanes(quarrel);
    const cells = page.getByRole('radiogroup', { name: 'Step' }).getByRole('radio');
    expect(await cells.count()).toBe(1 + STEPS);
    const labels = await cells.locator('.label').allInnerTexts();
    expect(labels[0]).toBe('prompt');
    // Along llama.cpp's greedy choice: what it says after the prompt is the first step's token.
    expect(labels[1]).toBe(await page.locator('.logits .token').first().innerText());
    for (const spoken of await cells.evaluateAll((all) => all.map((cell) => cell.ariaLabel))) {
      expect(spoken).toMatch(/largest error [\d.e-]+ at \S+ on (reference|webgpu)/);
    }
    await cells.nth(1).hover();
    const tooltip = page.getByRole('tooltip');
    expect(await tooltip.innerText()).toContain('Decode step 1');
    expect(await tooltip.innerText()).toContain('Next on llama');
    await quarrel.shot('steps-timeline-dark');
  });

  it('goes from step to step by keyboard and keeps the selected node', async () => {
    const { page } = quarrel;
    await page.getByRole('application').focus();
    for (const key of ['Home', 'PageDown', 'PageDown', 'ArrowRight']) await page.keyboard.press(key);
    const node = await page.locator('#node-title').innerText();
    const selection = page.locator('#timeline-selection');
    expect(await selection.innerText()).toMatch(/layer 1 .* × 5/);
    await page.getByRole('radio', { name: /^Prompt/ }).focus();
    for (const key of ['ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
    const focused = page.getByRole('radio', { name: /^Decode step 2/ });
    expect(await focused.getAttribute('aria-checked')).toBe('true');
    expect(await focused.evaluate((cell) => cell === document.activeElement)).toBe(true);
    // One token, not five.
    expect(await page.locator('#node-title').innerText()).toBe(node);
    expect(await selection.innerText()).toMatch(/layer 1 .* · 256(?! ×)/);
    expect(await page.locator('#logits-title').innerText()).toBe('Next token after decode step 2');
    const next = await page.locator('.logits .token').first().innerText();
    expect(await page.locator('.cell .label').nth(3).innerText()).toBe(next);
  });

  it('shows that step’s checkpoint in the layer view', async () => {
    const { page } = quarrel;
    await page.getByRole('button', { name: 'Open layer' }).click();
    await page.getByRole('row', { name: /^ffn_out-1/ }).click();
    await page.locator('#detail-title', { hasText: 'ffn_out-1' }).waitFor();
    await page.locator('.depth canvas').waitFor();
    expect(await page.getByRole('radio', { name: /^Decode step 2/ }).getAttribute('aria-checked')).toBe('true');
    const [ofStep2 = ''] = await differences();
    await quarrel.shot('steps-layer-dark');
    // A decode step has one row; the prompt has five.
    for (const index of await indices()) expect(index).toMatch(/^\[\d+, 0, 0, 0\]$/);
    await page.getByRole('radio', { name: /^Prompt/ }).click();
    await page.locator('.depth').waitFor();
    expect(await page.locator('tr[aria-selected=true] td:first-child').innerText()).toBe('ffn_out-1');
    expect((await differences())[0]).not.toBe(ofStep2);
    expect((await indices()).some((index) => !/^\[\d+, 0, 0, 0\]$/.test(index))).toBe(true);
  });

  it('tells a bug of cached decode from one of the prompt', async () => {
    const { page } = quarrel;
    await answerOpenDialog(quarrel, overlayWithBug(quarrel.folder));
    await page.getByRole('button', { name: 'Add lane' }).click();
    await page.getByRole('menuitem', { name: /my kernels/ }).click();
    await page.getByRole('button', { name: 'Find first bad layer' }).click();
    await page.locator('.card').waitFor({ timeout: 110_000 });
    expect(await page.locator('.card h1').innerText()).toMatch(/^First bad: decode step 1, layer 0, Qcur-0/);
    const title = await page.locator('.card header .title').innerText();
    expect(await page.locator('.story').innerText()).toContain('5 tokens and 3 decode steps');
    expect(title).toContain('The prompt is right, cached decode is not.');
    const rows = page.getByRole('region', { name: 'Step by step' }).locator('tbody tr');
    expect(await rows.locator('td:first-child').allInnerTexts()).toEqual(['prompt', '1', '2', '3']);
    const words = await rows.locator('.word').allInnerTexts();
    expect(words.map((word) => word.trim())).toEqual(['Clean', 'Diverged', 'Diverged', 'Diverged']);
    await quarrel.shot('steps-verdict-dark');
    await setTheme(quarrel, 'Light');
    await quarrel.shot('steps-verdict-light');
  });

  it('leads from a step of the verdict to its node, and shows it at a glance', async () => {
    const { page } = quarrel;
    const row = page.getByRole('region', { name: 'Step by step' }).locator('tbody tr').nth(2);
    const key = await row.getByRole('button').innerText();
    await row.getByRole('button').click();
    await page.locator('#detail-title', { hasText: key }).waitFor({ timeout: 60_000 });
    await page.locator('.depth canvas').waitFor();
    expect(await page.getByRole('radio', { name: /^Decode step 2/ }).getAttribute('aria-checked')).toBe('true');
    await quarrel.shot('steps-layer-light');
    await page.getByRole('button', { name: 'Timeline', exact: true }).click();
    await page.getByRole('application').waitFor();
    const spoken = await page.locator('.cell').evaluateAll((all) => all.map((cell) => cell.ariaLabel ?? ''));
    const [prompt, ...decoded] = spoken.map((text) => Number(/largest error ([\d.e-]+)/.exec(text)?.[1]));
    expect(prompt).toBeLessThan(1e-2);
    for (const error of decoded) expect(error).toBeGreaterThan(0.1);
    await quarrel.shot('steps-timeline-light');
  });

  it('never fell foul of its content security policy or its own code', () => {
    expect(quarrel.complaints).toEqual([]);
  });

  async function differences(): Promise<string[]> {
    return quarrel.page.locator('.depth tbody tr').allInnerTexts();
  }

  async function indices(): Promise<string[]> {
    return quarrel.page.locator('.depth tbody tr td:first-child').allInnerTexts();
  }
});
