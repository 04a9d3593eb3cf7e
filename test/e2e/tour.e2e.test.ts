import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGallery } from '../../src/main/gallery/gallery';
import { isInWindow, stickingOut } from './layout-checks';
import type { QuarrelWindow } from './quarrel-app';
import { launchIn, launchQuarrel, openTinyModel, resizeWindow, setTheme } from './quarrel-app';

/** Milliseconds for a search on a busy machine. */
const JUDGING = 100_000;
const LONG = JUDGING + 40_000;

/** The gallery's first, which the tour finds. */
const [BUG] = readGallery();

// One session, then a second one in its folder; each test goes on where the one before it stopped.
describe('the tour', () => {
  const STOPS = [
    ['The model, tensor by tensor', '.tensors'],
    ['The same tokens on several lanes', '.run-bar'],
    ['Layer by layer', '.timeline-view'],
    ['What becomes of the answer', '.logits'],
    ['One checkpoint in depth', '.layer-view'],
    ['Down to the bits of a weight', '.lane-bits'],
    ['Or all of this with one click', '.block-view'],
    ['The verdict in five lines', '.story'],
    ['Take it with you', '.wizard'],
  ] as const;
  let quarrel: QuarrelWindow;

  beforeAll(async () => {
    quarrel = await launchQuarrel();
    await setTheme(quarrel, 'Dark');
    await resizeWindow(quarrel, 1024, 700);
  });
  afterAll(async () => {
    await quarrel.close();
  });

  it('is skipped with Escape, and offered no more', async () => {
    const { page } = quarrel;
    await page.getByText('New here?').waitFor();
    await page.getByRole('button', { name: 'Take the tour' }).click();
    await stop(STOPS[0][0]);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('MAIN');
    await page.getByRole('button', { name: 'Quarrel', exact: true }).click();
    await page.locator('.welcome').waitFor();
    expect(await page.getByText('New here?').count()).toBe(0);
  });

  it(
    'walks through the real views by keyboard alone',
    async () => {
      const { page } = quarrel;
      await page.getByRole('button', { name: 'Help' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('menuitem', { name: 'Take the tour' }).press('Enter');
      for (const [i, [title, view]] of STOPS.entries()) {
        await stop(title);
        await page.locator(view).first().waitFor();
        expect(await page.locator('.driver-popover-progress-text').innerText()).toBe(`${i + 1} of ${STOPS.length}`);
        // The popover lies within the window, and the button that goes on has the focus.
        expect(await isInWindow(page, '.tour-popover')).toBe(true);
        expect(await page.locator('.driver-active-element').isVisible()).toBe(true);
        const next = page.locator('.driver-popover-next-btn');
        expect(await next.evaluate((button) => button === document.activeElement)).toBe(true);
        await quarrel.shot(`tour-${i + 1}-dark`);
        await page.keyboard.press(i % 2 === 0 ? 'Enter' : 'ArrowRight');
      }
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      expect(await page.locator('.card h1').innerText()).toMatch(/^First bad: layer 0, /);
    },
    LONG,
  );

  it('ends at the verdict that names the node, its cause and what became of the answer', async () => {
    const { page } = quarrel;
    await setTheme(quarrel, 'Light');
    await resizeWindow(quarrel, 1440, 900);
    expect(await page.locator('.card h1').innerText()).toBe(`First bad: layer 0, ${BUG?.expected.node}`);
    expect(BUG?.expected.cause).toBe('k-scale-high-bits');
    await page.getByRole('region', { name: /^6-bit scales of sub-blocks 4–7/ }).waitFor();
    expect(await page.getByRole('list', { name: 'The story in five lines' }).innerText()).toMatch(
      /The next token is " \S+" instead of " Paris"/,
    );
    await quarrel.shot('specimen-verdict-light');
    await page.getByRole('navigation').getByRole('button', { name: 'Timeline' }).click();
    const next = page.locator('.logits tbody tr:first-child .token');
    const [llama, reference, webgpu, planted] = await next.allInnerTexts();
    expect([llama, reference, webgpu]).toEqual(['" Paris"', '" Paris"', '" Paris"']);
    expect(planted).not.toContain('Paris');
    await quarrel.shot('specimen-timeline-light');
  });

  it(
    'goes back as well as on',
    async () => {
      const { page } = quarrel;
      await page.getByRole('button', { name: 'Help' }).click();
      await page.getByRole('menuitem', { name: 'Take the tour' }).click();
      await stop(STOPS[0][0]);
      await quarrel.shot('tour-1-light');
      await page.getByRole('button', { name: 'Next' }).click();
      await stop(STOPS[1][0]);
      await quarrel.shot('tour-2-light');
      await page.getByRole('button', { name: 'Back' }).click();
      await stop(STOPS[0][0]);
      await page.keyboard.press('ArrowRight');
      await stop(STOPS[1][0]);
      await page.getByRole('button', { name: 'Skip the tour' }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    },
    LONG,
  );

  it('is remembered over a restart', async () => {
    expect(quarrel.complaints).toEqual([]);
    await quarrel.app.close();
    quarrel = await launchIn(quarrel.folder);
    const { page } = quarrel;
    await page.getByRole('button', { name: 'Take the tour' }).waitFor();
    expect(await page.getByText('New here?').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Not now' }).count()).toBe(0);
  });

  it('shows recent files beside the rest, but not the embedded model', async () => {
    const { page } = quarrel;
    await openTinyModel(quarrel);
    await page.getByRole('button', { name: 'Quarrel', exact: true }).click();
    const files = page.getByRole('region', { name: 'Recent' }).getByRole('listitem');
    expect(await files.locator('.name').allInnerTexts()).toEqual(['quarrel-tiny.gguf']);
    await resizeWindow(quarrel, 1024, 700);
    await page.waitForFunction('innerWidth === 1024');
    expect(await stickingOut(page, '.welcome')).toEqual([]);
    await quarrel.shot('welcome-recent-light-1024');
    await setTheme(quarrel, 'Dark');
    await resizeWindow(quarrel, 1440, 900);
    await page.waitForFunction('innerWidth === 1440');
    await quarrel.shot('welcome-recent-dark-1440');
    await files.getByRole('button').click();
    await page.getByRole('heading', { name: 'Tensors by layer' }).waitFor();
    expect(quarrel.complaints).toEqual([]);
  });

  /** Waits for a stop whose popover stands still. */
  async function stop(title: string): Promise<void> {
    const { page } = quarrel;
    await page.getByRole('dialog', { name: title }).waitFor({ timeout: JUDGING });
    await page.waitForTimeout(400);
  }
});
