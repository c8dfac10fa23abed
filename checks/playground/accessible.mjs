// axe-core on every state of the page, and what it does not look at: a page that is wider than the screen.
import { equal } from 'node:assert/strict';
import axe from 'axe-core';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

async function clean(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate((tags) => globalThis.axe.run({ runOnly: tags }), TAGS);
  if (violations.length === 0) return;
  const lines = violations.flatMap(({ id, help, nodes }) => [
    `${id}: ${help}`,
    ...nodes.map(({ html, failureSummary }) => `  ${html}\n  ${failureSummary}`),
  ]);
  throw new Error(lines.join('\n'));
}

export async function accessible({ page, step, picture }) {
  const settings = page.locator('.panel > summary');
  const check = (state) =>
    step(`axe finds nothing: ${state}`, async () => {
      await picture(state);
      await clean(page);
      equal(await page.evaluate(() => globalThis.document.documentElement.scrollWidth), page.viewportSize().width);
    });
  await check('empty');
  await page.getByRole('button', { name: /Watch words appear/ }).click();
  await page.locator('#text').fill('Call me ___{4} the ___{3}.');
  await page.locator('button.main').click();
  await page.getByText(/^Done in/).waitFor();
  await check('written');
  await page.getByRole('slider', { name: 'Step', exact: true }).fill('2');
  await check('step');
  if (await settings.isVisible()) await settings.click();
  await page.getByLabel('Compare A and B').check();
  await page.getByRole('button', { name: /Place a word/ }).click();
  await page.getByText('Use this from code').click();
  await page.locator('button.main').click();
  await page.getByText('Both texts are done.').waitFor();
  await check('compare');
  await page.getByRole('button', { name: 'Read', exact: true }).click();
  await page.locator('#text').fill('Call me Ishmael.');
  await page.locator('button.main').click();
  await page.getByText('The figures are there.').waitFor();
  await check('read');
}
