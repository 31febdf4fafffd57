// Looks at a page as it stands: accessible in light and dark, not wider than a phone; keeps pictures of it.
import assert from 'node:assert/strict';
import axe from 'axe-core';
import { screenshots } from './world.js';

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
export const NARROWEST = { width: 320, height: 640 };
// What a visitor enters with who holds a phone.
export const A_PHONE = {
  userAgent: 'Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36',
  viewport: PHONE,
  isMobile: true,
  hasTouch: true,
};

// The page is left as it was found.
export async function look({ page }, name) {
  const found = page.viewportSize();
  assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1, 'one heading');
  const heading = await page.getByRole('heading', { level: 1 }).innerText();
  assert.equal(await page.title(), `${heading} · Acme Notes`);
  for (const [colorScheme, searched] of [['light', DESKTOP], ['dark', PHONE]]) {
    await page.emulateMedia({ colorScheme });
    for (const [form, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
      await page.setViewportSize(viewport);
      const file = `${name.replaceAll(' ', '-')}-${colorScheme}-${form}.png`;
      await page.screenshot({ path: screenshots + file, fullPage: true });
      // Contrast is the same in every size, and the layout in every colour.
      if (viewport === searched) assert.deepEqual(await faults(page), [], `${name}, ${colorScheme}, ${form}`);
    }
  }
  await page.setViewportSize(NARROWEST);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= NARROWEST.width, `${name} scrolls sideways: ${width} px`);
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(found);
}

// axe runs through the debugger, so that the page's content policy stays in force.
async function faults(page) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(' ')}`);
}
