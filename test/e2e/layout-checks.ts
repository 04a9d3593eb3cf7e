import type { Page } from 'playwright-core';

/** Elements within one that lie beyond its right edge, or the window's, or whose text is cut off. */
export function stickingOut(page: Page, selector: string): Promise<string[]> {
  return page
    .locator(selector)
    .first()
    .evaluate((root) => {
      const right = Math.min(window.innerWidth, root.getBoundingClientRect().right);
      return [root, ...root.querySelectorAll('*')]
        .filter((e) => {
          const box = e.getBoundingClientRect();
          const isOut = box.right > right + 0.5 || box.left < -0.5;
          return isOut || (e instanceof HTMLElement && !e.matches('.clip') && e.scrollWidth > e.clientWidth + 1);
        })
        .map((e) => `${e.tagName.toLowerCase()}.${e.getAttribute('class') ?? ''}: ${e.textContent.slice(0, 40)}`);
    });
}

/** Whether an element lies within the window as a whole. */
export function isInWindow(page: Page, selector: string): Promise<boolean> {
  return page.locator(selector).evaluate((element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return left >= 0 && top >= 0 && right <= window.innerWidth && bottom <= window.innerHeight;
  });
}
