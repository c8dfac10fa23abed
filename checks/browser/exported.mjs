// `mdiff export-site` in a real Chromium: the site under a path of a plain web host, and without the host after the first visit.
//   node checks/browser/exported.mjs <model folder>
// Prints `N passed, N failed`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execute, root } from '../../tools/workspace.mjs';
import { counter } from '../count.mjs';
import { withChromium } from './chromium.mjs';
import { openSite } from './site.mjs';

const { check, step, end } = counter();
const scratch = mkdtempSync(join(tmpdir(), 'mdiff-site-'));
const site = join(scratch, 'site');
const [model] = process.argv.slice(2);

/** Fills the gaps of a text, as a visitor does. */
async function write(page) {
  await page.locator('#text').fill('The captain ___ the ship.');
  await page.locator('button.main').click();
  await page.getByText(/^Done in/).waitFor();
  const text = await page.locator('#text').inputValue();
  return /^The captain .*the ship\.$/s.test(text) && !text.includes('___') ? '' : `the text is ${JSON.stringify(text)}`;
}

const isolated = (page) => page.evaluate(() => String(globalThis.crossOriginIsolated));

async function visit(page, host, faults) {
  await step('the page writes under a path of a host', async () => {
    await page.goto(`${host.address}/deep/site/`);
    return write(page);
  });
  await step('it shows the card of the model', async () => {
    await page.getByText('About this model').click();
    const card = await page.locator('.about pre').innerText();
    return card.includes('masked-diffusion language model') ? '' : card;
  });
  await step('it asks the host for files under its path alone, and not for both runtimes', async () => {
    const strays = host.asked.filter((path) => !path.startsWith('/deep/site/') || path.includes('asyncify.wasm'));
    return strays.join('\n');
  });
  await step('the next visit may use threads, though the host sends no header for it', async () => {
    await page.reload();
    await page.waitForFunction(() => globalThis.crossOriginIsolated);
    return write(page);
  });
  await host.close();
  await step('it writes without the host', async () => {
    await page.reload();
    return write(page);
  });
  await step('it reads without the host', async () => {
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await page.locator('#text').fill('The captain saw the ship.');
    await page.locator('button.main').click();
    await page.getByText(/bits/).first().waitFor();
  });
  check('threads stay without the host', (await isolated(page)) === 'true' ? '' : 'the page is not isolated');
  check('no error in the page', faults.join('\n'));
}

try {
  const command = [join(root, 'apps/mdiff/bin/mdiff.js'), 'export-site', model, site];
  const written = await execute(process.execPath, command, { output: 'keep' });
  check('mdiff export-site', written.code === 0 ? '' : written.text);
  const again = await execute(process.execPath, command, { output: 'keep' });
  check('a site is replaced', again.code === 0 ? '' : again.text);
  const host = await openSite({ '/deep/site/': site });
  try {
    await withChromium(async (browser) => {
      const page = await browser.newPage();
      const faults = [];
      page.on('pageerror', (error) => faults.push(error.message));
      await visit(page, host, faults);
    });
  } finally {
    await host.close();
  }
} catch (error) {
  check('the suite runs', String(error.stack));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
end();
