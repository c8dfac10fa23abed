// What a visitor does on the tab Write. Each function is a journey through the page; each of its steps is a check.
import { equal, match, ok } from 'node:assert/strict';

const text = (page) => page.locator('#text').inputValue();
const done = (page) => page.getByText(/^Done in/).waitFor();
const main = (page) => page.locator('button.main');

export async function writing({ page, step, picture, url }) {
  await step('the page comes with a strict policy', async () => {
    const { headers } = await fetch(url);
    const policy = headers.get('content-security-policy');
    match(policy, /default-src 'none'/);
    match(policy, /frame-ancestors 'none'/);
    ok(!policy.includes('unsafe-inline') && !policy.includes("'unsafe-eval'"), policy);
    equal(headers.get('x-content-type-options'), 'nosniff');
  });
  await picture('empty');
  await step('fills gaps of open length, and shows how', async () => {
    await page.locator('#text').fill('Call me ___ the ___.');
    await picture('gaps');
    const layer = page.locator('.layer');
    // Of everything that is shown from now on, without the masks.
    await layer.evaluate((node) => {
      globalThis.shown = [];
      new globalThis.MutationObserver(() => globalThis.shown.push(node.textContent)).observe(node, {
        subtree: true,
        childList: true,
        characterData: true,
      });
    });
    await main(page).click();
    await done(page);
    match(await text(page), /^Call me .+ the .+\.$/s);
    for (const shown of await page.evaluate(() => globalThis.shown)) match(shown, /^Call me.* the/s);
    ok((await page.locator('.layer [class^=band]').count()) > 0, 'no token has a colour');
  });
  await step('goes back through the steps and forth again', async () => {
    const slider = page.getByRole('slider', { name: 'Step', exact: true });
    await slider.fill('0');
    match(await slider.getAttribute('aria-valuetext'), /^step 0 of \d+, \d+ masks? left$/);
    ok(await page.locator('#text').evaluate((area) => area.readOnly), 'a step can be edited');
    ok((await page.locator('.layer .mask').count()) > 0, 'no mask before the first step');
    await picture('step');
    await slider.fill((await slider.getAttribute('max')) ?? '');
    ok(!(await page.locator('#text').evaluate((area) => area.readOnly)), 'the last step cannot be edited');
    await page.getByRole('button', { name: 'Play the steps again' }).click();
    await page.getByRole('button', { name: 'Play the steps again' }).waitFor();
  });
  await step('undoes and redoes', async () => {
    const filled = await text(page);
    await page.getByRole('button', { name: 'Undo' }).click();
    equal(await text(page), 'Call me ___ the ___.');
    await page.locator('#text').press('Control+Shift+z');
    equal(await text(page), filled);
  });
  await step('refills the words that are selected, and no others', async () => {
    await page.locator('#text').fill('Call me Ishmael.');
    await page.locator('#text').evaluate((area) => area.setSelectionRange(6, 6));
    await page.getByRole('button', { name: 'Refill', exact: true }).click();
    await done(page);
    match(await text(page), /^Call .+ Ishmael\.$/s);
  });
  await step('rewrites a share of the words', async () => {
    await page.locator('#text').fill('Call me Ishmael.');
    await page.getByLabel('Share of the words to rewrite').selectOption('0.3');
    await page.getByRole('button', { name: 'Rewrite', exact: true }).click();
    await done(page);
    match(await text(page), /^Call |Ishmael\.$/s);
  });
  await step('puts a gap at the caret, and changes its length', async () => {
    await page.locator('#text').fill('Call me.');
    await page.locator('#text').evaluate((area) => area.setSelectionRange(4, 4));
    await page.getByRole('button', { name: 'Put a gap' }).click();
    equal(await text(page), 'Call ___ me.');
    await page.getByLabel('This gap').selectOption('3');
    equal(await text(page), 'Call ___{3} me.');
  });
  await step('sends the settings that were touched, and words at their places', async () => {
    await page.locator('#text').fill('Call');
    await page.getByLabel('Steps', { exact: true }).fill('3');
    await page.getByRole('button', { name: /Place a word/ }).click();
    await page.getByLabel('Word at token 6').fill('sea');
    const asked = page.waitForRequest((request) => request.url().endsWith('/v1/completions'));
    await main(page).click();
    const { seed, ...body } = (await asked).postDataJSON();
    ok(Number.isInteger(seed));
    equal(body.num_steps, 3);
    equal(JSON.stringify(body.words_at), '{"6":"sea"}');
    equal(body.temperature, undefined);
    await done(page);
    match(await text(page), /sea/);
    await page.getByRole('button', { name: 'Remove “sea”' }).click();
    await page.getByRole('button', { name: 'reset Steps' }).click();
  });
  await step('says what is wrong, in the words of the server', async () => {
    await page.locator('#text').fill('word '.repeat(40));
    await main(page).click();
    match(await page.getByRole('alert').innerText(), /tokens/);
    await page.locator('#text').fill('Call me');
    await page.getByRole('alert').waitFor({ state: 'detached' });
  });
}

export async function comparing({ page, step, picture }) {
  await step('compares two seeds, and takes one text', async () => {
    await page.locator('#text').fill('Call me ___{3}.');
    await page.getByLabel('Compare A and B').check();
    await page.getByLabel('Seed', { exact: true }).fill('5');
    await main(page).click();
    await page.getByText('Both texts are done.').waitFor();
    await picture('compare');
    equal(await text(page), 'Call me ___{3}.');
    const other = await page.getByRole('article', { name: 'Text B' }).locator('.prose').innerText();
    await page.getByRole('button', { name: 'Take B' }).click();
    equal(await text(page), other);
  });
  await step('compares two models', async () => {
    await page.locator('#text').fill('Call me');
    await page.getByLabel('Model of B').selectOption('plain');
    const models = [];
    page.on('request', (request) => request.url().includes('/v1/') && models.push(request.postDataJSON().model));
    await main(page).click();
    await page.getByText('Both texts are done.').waitFor();
    equal(models.sort().join(), 'plain,shifted');
    await page.getByLabel('Compare A and B').uncheck();
  });
}

export async function keyboard({ page, step, picture }) {
  await step('writes, stops at nothing, undoes, without a mouse', async () => {
    await page.locator('#text').focus();
    await page.keyboard.type('Call me ___{2}.');
    await page.keyboard.press('Control+Enter');
    await done(page);
    await page.keyboard.press('Control+z');
    equal(await text(page), 'Call me ___{2}.');
    await page.keyboard.press('Control+a');
    equal(
      await main(page)
        .innerText()
        .then((label) => label.split('\n')[0].replace(/ Ctrl.*/, '')),
      'Refill selected words',
    );
  });
  await step('every control is reached with Tab, with a ring around it', async () => {
    await page.reload();
    const names = [];
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab');
      const focus = await page.evaluate(() => {
        const { document, getComputedStyle } = globalThis;
        const node = document.activeElement;
        if (!node || node === document.body) return null;
        const paper = node.id === 'text' ? node.closest('.paper') : node;
        const { outlineStyle, borderColor } = getComputedStyle(paper);
        return {
          name: node.id === 'text' ? 'text' : (node.getAttribute('aria-label') ?? node.innerText ?? ''),
          label: node.labels?.[0]?.innerText ?? '',
          ring: outlineStyle !== 'none' || paper !== node,
          borderColor,
        };
      });
      if (focus === null) break;
      ok(focus.ring, `no ring around ${focus.name || focus.label}`);
      names.push(focus.label || focus.name);
    }
    for (const wanted of [
      'Write',
      'Read',
      'Light or dark',
      'Share',
      'text',
      'Put a gap',
      'Temperature',
      'Sampler',
      'Seed',
      'Compare A and B',
      'Use this from code',
    ])
      ok(
        names.some((name) => name.includes(wanted)),
        `Tab does not reach ${wanted}: ${names.join(' | ')}`,
      );
    await picture('focus');
  });
}
