import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockBytes, blockReport } from '../../src/main/files/block-report';
import type { ModelFile } from '../../src/main/files/model-file';
import { openModel } from '../../src/main/files/model-file';
import { decodeTensor } from '../../src/shared/gguf/decode-rows';
import { sharedPath } from '../helpers/shared-files';
import { PLANTED_BUGS } from '../planted-bugs/planted-bugs';
import type { QuarrelWindow } from './quarrel-app';
import { answerOpenDialog, answerSaveDialog, dropFile, launchQuarrel, setTheme, TINY_MODEL } from './quarrel-app';

const TENSOR = 'blk.0.attn_q.weight';
const SAMPLE = sharedPath('traces/sample.Q4_K_M.gguf');

// One session; each test goes on where the one before it stopped.
describe('the block inspector on a Q4_K tensor of the tiny model', () => {
  const bug = PLANTED_BUGS.find((b) => b.name === 'q4k-scale-high-bits')!;
  let quarrel: QuarrelWindow;
  let model: ModelFile;

  beforeAll(async () => {
    model = openModel(TINY_MODEL);
    quarrel = await launchQuarrel(TINY_MODEL);
    await setTheme(quarrel, 'Dark');
    await setSize(quarrel, 1440, 900);
  });
  afterAll(async () => {
    await quarrel.close();
    model.dispose();
  });

  it('opens the first block of a tensor from the model view, with equal bits on three lanes', async () => {
    const { page } = quarrel;
    await page.getByRole('button', { name: TENSOR }).click();
    await shown(quarrel, TENSOR);
    await expectThreeLanesEqual(quarrel);
    const report = blockReport(model, TENSOR, 0);
    expect(await bytesShown(quarrel)).toBe(report.hex);
    expect(await page.getByRole('region', { name: 'Scales' }).locator('tbody tr').count()).toBe(8);
    expect(await page.getByRole('grid', { name: 'Values of the block' }).getByRole('gridcell').count()).toBe(256);
    expect(await codesShown(quarrel)).toEqual(report.fields.find((f) => f.name === 'qs')?.values.map(String));
    const probe = await page.getByRole('region', { name: 'Kernel probe' }).locator('tbody tr').allInnerTexts();
    const [cpu, wgsl] = probe.map((row) => row.split(/\s+/).slice(1));
    expect(cpu).toHaveLength(8); // d, dmin, scale, min, code, d·scale, dmin·min, value
    expect(wgsl).toEqual(cpu);
    await quarrel.shot('blocks-dark');
  });

  it('links what the pointer is on with its bytes, fields and values', async () => {
    const { page } = quarrel;
    await page.getByRole('list', { name: 'Fields' }).getByRole('button', { name: 'dmin' }).hover();
    expect(await linkedIn(quarrel, 'Bytes of the block')).toEqual([2, 3]);
    expect(await linkedIn(quarrel, 'Values of the block')).toHaveLength(256);
    // Byte 16 + l holds the codes of elements l and 32 + l.
    await page.getByRole('grid', { name: 'Bytes of the block' }).locator('[data-index="21"]').hover();
    expect(await linkedIn(quarrel, 'Values of the block')).toEqual([5, 37]);
    await page.getByRole('grid', { name: 'Values of the block' }).locator('[data-index="37"]').hover();
    const bytes = await linkedIn(quarrel, 'Bytes of the block');
    expect(bytes).toEqual(expect.arrayContaining([0, 1, 2, 3, 21]));
    expect(bytes.filter((byte) => byte >= 16)).toEqual([21]);
    await page.mouse.move(2, 2);
  });

  it('is reachable by keyboard: element, block, row and column', async () => {
    const { page } = quarrel;
    await page.getByRole('grid', { name: 'Values of the block' }).locator('[tabindex="0"]').focus();
    for (const key of ['ArrowDown', 'ArrowRight', 'End']) await page.keyboard.press(key);
    expect(await page.locator('.lane-bits thead').innerText()).toContain('Element 31');
    await page.getByRole('button', { name: 'Next block' }).press('Enter');
    await page.getByText('row 1, columns 0…255').waitFor();
    expect(await bytesShown(quarrel)).toBe(blockReport(model, TENSOR, 1).hex);
    await page.getByRole('textbox', { name: 'Row' }).fill('5');
    await page.getByRole('textbox', { name: 'Column' }).fill('200');
    await page.keyboard.press('Enter');
    await page.getByText('row 5, columns 0…255').waitFor();
    expect(await page.locator('.lane-bits thead').innerText()).toContain('Element 200');
    const { values } = blockReport(model, TENSOR, 5);
    const label = await page
      .getByRole('grid', { name: 'Values of the block' })
      .locator('[aria-selected=true]')
      .getAttribute('aria-label');
    expect(Number(label?.replace('−', '-').split(': ')[1])).toBeCloseTo(Number(values[200]), 4);
  });

  it('says where there is no such block, and stays where it is', async () => {
    const { page } = quarrel;
    await page.getByRole('textbox', { name: 'Block index' }).fill('99999');
    await page.keyboard.press('Enter');
    const notice = page.getByRole('alert');
    await notice.waitFor();
    expect(await notice.innerText()).toContain('block 99999');
    await page.getByRole('button', { name: 'Dismiss' }).click();
    expect(await bytesShown(quarrel)).toBe(blockReport(model, TENSOR, 5).hex);
  });

  it('marks the elements and bits that a planted bug gets wrong', async () => {
    const { page } = quarrel;
    await answerOpenDialog(quarrel, bug.folder);
    await page.getByRole('button', { name: 'Add lane' }).click();
    await page.getByRole('menuitem', { name: /my kernels/ }).click();
    const lane = page.locator('.lane-bits tr', { hasText: 'webgpu @ q4k-scale-high-bits' });
    await lane.waitFor();
    const different = Number(/(\d+) of 256 differ/.exec(await lane.innerText())?.[1]);
    // Sub-blocks 4 … 7 lose the high bits of their scales; the first half of the block is right.
    expect(different).toBeGreaterThan(60);
    expect(different).toBeLessThanOrEqual(128);
    const marked = page.getByRole('grid', { name: 'Values of the block' }).locator('.marked');
    expect(await marked.count()).toBe(different);
    expect(Number(await marked.first().getAttribute('data-index'))).toBeGreaterThanOrEqual(128);
    expect(await lane.locator('.bit.differs').count()).toBeGreaterThan(0);
    expect(await page.locator('.lane-bits tr', { hasText: 'scalar' }).innerText()).toContain('all bits equal');
    const probe = page.getByRole('region', { name: 'Kernel probe' });
    expect(await probe.locator('.differs').count()).toBeGreaterThan(0);
    await page.getByRole('radio', { name: 'webgpu @ q4k-scale-high-bits' }).click();
    await quarrel.shot('blocks-planted-bug-dark');
    await setTheme(quarrel, 'Light');
    await quarrel.shot('blocks-planted-bug-light');
    await page.getByRole('combobox', { name: 'WGSL kernels' }).selectOption('webgpu');
    await page.locator('.lane-bits tr', { hasText: 'q4k-scale-high-bits' }).waitFor({ state: 'detached' });
    await expectThreeLanesEqual(quarrel);
    await quarrel.shot('blocks-light');
  });

  it('leads from a verdict to the block behind it, with the kernels that were judged', async () => {
    const { page } = quarrel;
    await page.getByRole('button', { name: 'Find first bad layer' }).click();
    await page.locator('.card').waitFor({ timeout: 90_000 });
    const tensor = await page.locator('.facts dd.mono', { hasText: '.weight' }).first().innerText();
    await page.getByRole('button', { name: 'Open its block' }).click();
    await shown(quarrel, tensor);
    const kernels = page.getByRole('combobox', { name: 'WGSL kernels' });
    expect(await kernels.inputValue()).toBe(`webgpu@${bug.folder}`);
    expect(await page.locator('.lane-bits').innerText()).toContain('differ');
    await kernels.selectOption('webgpu');
    await page.getByRole('combobox', { name: 'Tensor' }).selectOption(TENSOR);
    await shown(quarrel, TENSOR);
    await page.getByRole('textbox', { name: 'Block index' }).fill('5');
    await page.keyboard.press('Enter');
    await page.getByText('row 5, columns 0…255').waitFor();
    await expectThreeLanesEqual(quarrel);
  });

  it('saves the block and its row', async () => {
    const bin = join(quarrel.folder, 'block.bin');
    await save(quarrel, 'Save this block…', bin);
    expect(readFileSync(bin)).toEqual(Buffer.from(blockBytes(model, TENSOR, 5)));
    const npy = join(quarrel.folder, 'row.npy');
    await save(quarrel, 'Save its row…', npy);
    const saved = readFileSync(npy);
    const data = 10 + saved.readUInt16LE(8);
    expect(saved.toString('latin1', 10, data)).toContain("'descr': '<f4', 'fortran_order': False, 'shape': (256,)");
    const row = decodeTensor(model.requireTensor(TENSOR)).slice(5 * 256, 6 * 256);
    expect(saved.subarray(data)).toEqual(Buffer.from(row.buffer));
  });

  it('writes nowhere but where the user said', async () => {
    const path = join(quarrel.folder, 'stolen.bin');
    const request = { modelPath: TINY_MODEL, tensor: TENSOR, index: 0, part: 'block', path };
    const call = JSON.stringify({ id: 999, name: 'saveWeights', request });
    const reply = await quarrel.page.evaluate(`window.quarrel.call('startJob', ${call})`);
    expect(reply).toMatchObject({ ok: false, failure: { message: expect.stringContaining('save dialog') } });
    expect(existsSync(path)).toBe(false);
  });

  it('shows other types as well', async () => {
    const { page } = quarrel;
    for (const tensor of ['blk.0.attn_v.weight', 'output_norm.weight']) {
      await page.getByRole('combobox', { name: 'Tensor' }).selectOption(tensor);
      await shown(quarrel, tensor);
      await expectThreeLanesEqual(quarrel);
      await quarrel.shot(`blocks-${tensor}`);
    }
  });

  it('fits 1024 × 700 without anything sticking out', async () => {
    const { page } = quarrel;
    await page.getByRole('combobox', { name: 'Tensor' }).selectOption(TENSOR);
    await shown(quarrel, TENSOR);
    await setSize(quarrel, 1024, 700);
    // The lanes stand at full height: a panel that scrolls sideways must not be squeezed.
    expect(await page.evaluate(`((e) => e.scrollHeight - e.clientHeight)(document.querySelector('.lane-bits'))`)).toBe(
      0,
    );
    const overflow = `['main', '.block-view', '.tools', '.lane-bits', '.side', '.main', '.top'].map((s) => {
      const e = document.querySelector(s);
      return [s, e.scrollWidth - e.clientWidth];
    }).filter(([, over]) => over > 0)`;
    await quarrel.shot('blocks-small-light');
    expect(await page.evaluate(overflow)).toEqual([]);
  });

  it('never fell foul of its content security policy or its own code', () => {
    expect(quarrel.complaints).toEqual([]);
  });

  // Beside the checkout: a model of 12 layers quantized by llama.cpp itself.
  it.skipIf(!existsSync(SAMPLE))('decodes a block of sample.Q4_K_M.gguf with equal bits on three lanes', async () => {
    const sample = openModel(SAMPLE);
    try {
      await setSize(quarrel, 1440, 900);
      await dropFile(quarrel, SAMPLE);
      await quarrel.page.getByRole('button', { name: TENSOR }).click();
      await shown(quarrel, TENSOR);
      await expectThreeLanesEqual(quarrel);
      expect(await bytesShown(quarrel)).toBe(blockReport(sample, TENSOR, 0).hex);
      await quarrel.shot('blocks-sample-light');
    } finally {
      sample.dispose();
    }
  });
});

async function setSize({ app, page }: QuarrelWindow, width: number, height: number): Promise<void> {
  await app.evaluate(
    ({ BrowserWindow }, size) => {
      BrowserWindow.getAllWindows()
        .find((w) => w.isVisible())
        ?.setSize(...size);
    },
    [width, height] as [number, number],
  );
  // A condition as text: the page's policy forbids what Playwright makes of a polled one.
  while ((await page.evaluate('window.innerWidth')) !== width) await page.waitForTimeout(50);
}

/** Waits until a block of the tensor is on the screen. */
async function shown({ page }: QuarrelWindow, tensor: string): Promise<void> {
  await page.getByRole('region', { name: `of ${tensor}` }).waitFor({ timeout: 60_000 });
}

async function expectThreeLanesEqual({ page }: QuarrelWindow): Promise<void> {
  const rows = page.locator('.lane-bits tbody tr');
  expect(await rows.locator('.name').allInnerTexts()).toEqual(['scalar', 'webgpu', 'llama']);
  expect((await rows.locator('.verdict').allInnerTexts()).map((text) => text.trim())).toEqual([
    'all bits equal',
    'all bits equal',
    'judge',
  ]);
  const bits = (await rows.locator('.bits').allInnerTexts()).map((text) => text.replace(/\s/g, ''));
  expect(bits[0]).toMatch(/^[01]{32}$/);
  expect(new Set(bits).size).toBe(1);
  expect(await page.locator('.block-view').locator('.differs, .marked').count()).toBe(0);
}

async function bytesShown({ page }: QuarrelWindow): Promise<string> {
  const cells = await page.getByRole('grid', { name: 'Bytes of the block' }).getByRole('gridcell').allInnerTexts();
  return cells.join('');
}

async function codesShown({ page }: QuarrelWindow): Promise<readonly string[]> {
  return page.getByRole('grid', { name: 'Codes of the block' }).getByRole('gridcell').allInnerTexts();
}

async function linkedIn({ page }: QuarrelWindow, name: string): Promise<readonly number[]> {
  const linked = page.getByRole('grid', { name }).locator('.linked');
  return linked.evaluateAll((cells) => cells.map((cell) => Number((cell as HTMLElement).dataset['index'])));
}

async function save(quarrel: QuarrelWindow, entry: string, path: string): Promise<void> {
  const { page } = quarrel;
  await answerSaveDialog(quarrel, path);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('menuitem', { name: entry }).click();
  await page.getByText(`Saved to ${path}`).waitFor();
}
