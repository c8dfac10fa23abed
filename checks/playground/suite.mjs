// The playground of `mdiff serve` in a real Chromium: what a visitor does, with mouse and keyboard, on a desktop and on a phone, in light and dark,
// and what axe-core has to say about it. The models are the two small ones of @mdiff/generate.
//   node checks/playground/suite.mjs <folder for the screenshots>
// Prints `N passed, N failed`.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { withChromium } from '../browser/chromium.mjs';
import { counter } from '../count.mjs';
import { accessible } from './accessible.mjs';
import { local, reading, sharing } from './journeys.mjs';
import { withProxy, withServer } from './server.mjs';
import { comparing, keyboard, writing } from './writing.mjs';

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error('checks/playground/suite.mjs: name a folder for the screenshots');
  console.log('0 passed, 1 failed');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

const { check, end } = counter();

/** Runs one check, which fails by throwing. */
async function step(name, action) {
  const start = performance.now();
  try {
    await action();
    check(`${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    check(name, error.stack ?? String(error));
  }
}

/** A page of its own, whose errors and foreign requests fail a check at its end. */
async function visit(browser, url, { name, ...options }, journey) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 860 },
    permissions: ['clipboard-read', 'clipboard-write'],
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  // Chromium reports every answer of 400 and above, and one check asks for too much.
  page.on('console', (message) => message.type() === 'error' && !/status of 400/.test(message.text()) && complaints.push(message.text()));
  page.on('request', (request) => new URL(request.url()).origin !== new URL(url).origin && complaints.push(`asked ${request.url()}`));
  await page.addInitScript(() => {
    globalThis.moved = 0;
    new globalThis.PerformanceObserver((list) => {
      for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) globalThis.moved += value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(url);
  await page
    .getByRole('button', { name: /^(Write something|Continue|Fill the gaps)/ })
    .first()
    .waitFor();
  await step(`${name}: nothing moves while it loads`, async () => {
    await page.getByRole('combobox', { name: 'Sampler', includeHidden: true }).waitFor({ state: 'attached' });
    const moved = await page.evaluate(() => globalThis.moved);
    if (moved > 0.01) throw new Error(`cumulative layout shift ${moved}`);
  });
  await journey({
    page,
    url,
    step: (title, action) => step(`${name}: ${title}`, action),
    picture: (title) => page.screenshot({ path: join(folder, `${name}-${title}.png`), fullPage: true }),
  });
  await step(`${name}: no error, and no request to another host`, () => {
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
  });
  await context.close();
}

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

await withChromium((browser) =>
  withServer({}, async ({ url }) => {
    await visit(browser, url, { name: 'desktop' }, async (visitor) => {
      await writing(visitor);
      await sharing(visitor, browser);
      await comparing(visitor);
      await reading(visitor);
    });
    await visit(browser, url, { name: 'local', reducedMotion: 'reduce' }, local);
    await visit(browser, url, { name: 'keyboard', reducedMotion: 'reduce' }, keyboard);
    for (const [name, options] of [
      ['light', {}],
      ['dark', { colorScheme: 'dark' }],
      ['phone-light', PHONE],
      ['phone-dark', { ...PHONE, colorScheme: 'dark' }],
    ])
      await visit(browser, url, { name, reducedMotion: 'reduce', ...options }, accessible);
    await withProxy(url, '/under/a/path/', (address) =>
      visit(browser, address, { name: 'sub-path', reducedMotion: 'reduce' }, async ({ page, step: check }) => {
        await check('works behind a proxy that puts it under a path', async () => {
          await page.locator('#text').fill('Call me ___{2}.');
          await page.locator('#text').press('Control+Enter');
          await page.getByText(/^Done in/).waitFor();
        });
      }),
    );
  }),
);
await withChromium((browser) =>
  withServer({ token: 'a-token' }, ({ url }) =>
    step('token: the page asks for it and keeps it in the tab', async () => {
      const page = await browser.newPage();
      await page.goto(url);
      await page.getByLabel('Token').fill('a-token');
      await page.getByRole('button', { name: 'Use it' }).click();
      await page.getByLabel('Model', { exact: true }).locator('option').first().waitFor({ state: 'attached' });
    }),
  ),
);
end();
