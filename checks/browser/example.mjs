// examples/browser as its README says: built by Vite, a model folder beside it, a gap filled in a real Chromium, at the width of a desk and of a phone.
//   node --conditions=@mdiff/source --import tsx checks/browser/example.mjs <model folder> [folder for pictures]
// Prints `N passed, N failed`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../tools/workspace.mjs';
import { counter } from '../count.mjs';
import { buildPage } from './built.mjs';
import { withChromium } from './chromium.mjs';
import { openSite } from './site.mjs';

const { step, end } = counter();
const [model, pictures] = process.argv.slice(2);
if (model === undefined) throw new Error('usage: example.mjs <model folder> [folder for pictures]');
const scratch = mkdtempSync(join(tmpdir(), 'mdiff-example-'));

/** Fills a gap as a visitor does, and says what is wrong. */
async function visit(page, address, width) {
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.setViewportSize({ width, height: 700 });
  await page.goto(address);
  await page.getByText(/^ready, on /).waitFor();
  await page.locator('#text').fill('The captain stood upon the ___ and looked.');
  await page.locator('#fill').click();
  await page.getByText('done', { exact: true }).waitFor();
  const text = await page.locator('#text').inputValue();
  if (!/^The captain stood upon the .* and looked\.$/s.test(text) || text.includes('___'))
    faults.push(`the text is ${JSON.stringify(text)}`);
  await page.locator('#text').fill('no gap here');
  await page.locator('#fill').click();
  await page.getByText(/gap/).last().waitFor();
  const wide = await page.evaluate(() => globalThis.document.documentElement.scrollWidth);
  if (wide > width) faults.push(`the page is ${wide} pixels wide on a screen of ${width}`);
  if (pictures !== undefined) await page.screenshot({ path: join(pictures, `example-${width}.png`), timeout: 60_000 });
  return faults.join('\n');
}

try {
  await buildPage(join(root, 'examples/browser'), scratch);
  const site = await openSite({ '/page/model/': model, '/page/': scratch });
  try {
    await withChromium(async (browser) => {
      for (const width of [1280, 380])
        await step(`a gap is filled, and a text without one is refused, at ${width} pixels`, async () =>
          visit(await browser.newPage(), `${site.address}/page/`, width),
        );
    });
  } finally {
    await site.close();
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
end();
