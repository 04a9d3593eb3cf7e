import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGallery } from '../../src/main/gallery/gallery';
import { stickingOut } from './layout-checks';
import type { QuarrelWindow } from './quarrel-app';
import { launchQuarrel, openTinyModel, resizeWindow, runLanes, setTheme } from './quarrel-app';

/** Milliseconds for a search on a busy machine. */
const JUDGING = 100_000;
const LONG = JUDGING + 40_000;
const SIZES = [
  [1024, 700],
  [1440, 900],
] as const;

const PARIS = '" Paris"';
const BUILT_IN = ['llama', 'reference', 'webgpu'];
const gallery = readGallery();

function bugNamed(id: string): (typeof gallery)[number] {
  const bug = gallery.find((b) => b.id === id);
  if (!bug) throw new Error(`the gallery has no bug ${id}`);
  return bug;
}

// One session on the embedded model; each test goes on where the one before it stopped.
describe('the welcome view', () => {
  let quarrel: QuarrelWindow;

  beforeAll(async () => {
    quarrel = await launchQuarrel();
    await quarrel.page.locator('.welcome').waitFor();
  });
  afterAll(async () => {
    await quarrel.close();
  });

  it('lists every planted bug of the gallery, and the right run', async () => {
    const cards = quarrel.page.getByRole('region', { name: 'Try the specimen' }).locator('.card');
    await cards.first().waitFor();
    expect(await cards.locator('.name').allInnerTexts()).toEqual([...gallery.map((bug) => bug.name), 'No bug']);
    const stories = await cards.locator('.story').allInnerTexts();
    expect(stories.slice(0, -1)).toEqual(gallery.map((bug) => bug.story));
    const pictures = await cards.locator('svg').evaluateAll((all) => all.map((svg) => svg.innerHTML));
    expect(new Set(pictures).size).toBe(gallery.length + 1);
  });

  it.each(['Dark', 'Light'] as const)('fits small and large windows: %s', async (theme) => {
    await setTheme(quarrel, theme);
    for (const [width, height] of SIZES) {
      await resizeWindow(quarrel, width, height);
      await quarrel.page.waitForFunction(`innerWidth === ${width}`);
      expect(await stickingOut(quarrel.page, '.welcome')).toEqual([]);
      await quarrel.shot(`welcome-${theme.toLowerCase()}-${width}`);
    }
  });

  it(
    'tells the story of the right run: every lane says " Paris"',
    async () => {
      const { page } = quarrel;
      await judge(page, 'No bug');
      expect(await page.locator('.card .word').innerText()).toMatch(/^clean$/i);
      expect(await page.getByRole('list', { name: 'The story in five lines' }).innerText()).toContain(
        'The next token stays " Paris"',
      );
      await quarrel.shot('specimen-right-light');
      await runLanes(quarrel);
      expect(await page.locator('.labels .name').allInnerTexts()).toEqual(BUILT_IN);
      expect(await nextTokens(page)).toEqual([PARIS, PARIS, PARIS]);
    },
    LONG,
  );

  it(
    'asks for the decode steps that a bug of the cache takes, and puts its kernels in the place of the others',
    async () => {
      const { page } = quarrel;
      const { name, steps, expected } = bugNamed('cache-row-of-one-token');
      expect(steps).toBeGreaterThan(0);
      await page.getByRole('button', { name: 'Quarrel', exact: true }).click();
      await judge(page, name);
      expect(await page.locator('.card h1').innerText()).toBe(
        `First bad: decode step ${expected.step}, layer 0, ${expected.node}`,
      );
      expect(await page.locator('.card .kind').innerText()).toContain('The prompt is right, cached decode is not.');
      expect(await lanesOnOffer(page)).toEqual([...BUILT_IN, 'webgpu @ cache-row-of-one-token']);
    },
    LONG,
  );

  it('takes the planted kernels away when another model is opened', async () => {
    const { page } = quarrel;
    await page.getByRole('button', { name: 'Quarrel', exact: true }).click();
    await openTinyModel(quarrel);
    expect(await lanesOnOffer(page)).toEqual(BUILT_IN);
  });

  it('never fell foul of its content security policy or its own code', () => {
    expect(quarrel.complaints).toEqual([]);
  });
});

/** Clicks a card of the gallery and waits for the verdict. */
async function judge(page: Page, name: string): Promise<void> {
  await page.getByRole('region', { name: 'Try the specimen' }).getByRole('button', { name }).click();
  const failure = page.locator('.notice.error');
  await page.locator('.wizard .card').or(failure).waitFor({ timeout: JUDGING });
  expect(await failure.allInnerTexts()).toEqual([]);
}

/** What each lane of the timeline says next. */
function nextTokens(page: Page): Promise<string[]> {
  return page.locator('.logits tbody tr:first-child .token').allInnerTexts();
}

function lanesOnOffer(page: Page): Promise<string[]> {
  return page.getByRole('group', { name: 'Lanes' }).locator('.chip .name').allInnerTexts();
}
