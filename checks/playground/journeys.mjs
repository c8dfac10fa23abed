// What a visitor does beside writing: sharing, taking the request into code, reading a text with the models.
import { execFileSync } from 'node:child_process';
import { equal, match, ok } from 'node:assert/strict';

const text = (page) => page.locator('#text').inputValue();

export async function sharing({ page, step, picture, url }, browser) {
  await step('a link repeats text, settings and seed in another browser', async () => {
    await page.locator('#text').fill('Call me ___{4}.');
    await page.getByLabel('Seed', { exact: true }).fill('9');
    await page.locator('button.main').click();
    await page.getByText(/^Done in/).waitFor();
    const first = await text(page);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('button', { name: 'Share' }).click();
    await page.getByText('The link is in the clipboard.').waitFor();
    const link = await page.evaluate(() => globalThis.navigator.clipboard.readText());
    match(link, /#text=Call\+me\+___%7B4%7D\.&seed=9$/);
    const other = await (await browser.newContext({ reducedMotion: 'reduce' })).newPage();
    await other.goto(link);
    await other.locator('button.main:enabled').click();
    await other.getByText(/^Done in/).waitFor();
    equal(await text(other), first);
    await other.context().close();
  });
  await step('shows the request as code that runs', async () => {
    await page.getByText('Use this from code').click();
    const curl = await page.getByRole('region', { name: 'curl code' }).innerText();
    const answer = JSON.parse(execFileSync('sh', ['-c', curl], { encoding: 'utf8' }));
    match(answer.choices[0].text, /^Call me .*\.$/s);
    for (const language of ['TypeScript', 'Python']) {
      await page.getByRole('button', { name: language, exact: true }).click();
      match(await page.getByRole('region', { name: `${language} code` }).innerText(), new RegExp(new URL(url).host));
      if (language === 'TypeScript') await picture('code');
    }
    await page.getByRole('button', { name: 'Copy', exact: true }).click();
    match(await page.evaluate(() => globalThis.navigator.clipboard.readText()), /urlopen/);
    await page.getByText('Use this from code').click();
  });
}

export async function reading({ page, step, picture }) {
  await step('marks unlikely words, and says whose style a text is', async () => {
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await page.locator('#text').fill('Call me Ishmael. The whale swam to the sea.');
    await page.getByRole('button', { name: 'Whose style is this?' }).click();
    await page.getByText('The figures are there.').waitFor();
    ok((await page.locator('.layer [class^=band]').count()) >= 9, 'not every word has a colour');
    equal(await page.getByRole('region', { name: 'Figures' }).locator('tbody tr').count(), 2);
    match(await page.locator('.report > p').last().innerText(), /most like|equally likely/);
    await picture('read');
    await page.locator('#text').fill('Call me Ishmael. The whale swam.');
    equal(await page.getByRole('region', { name: 'Figures' }).count(), 0);
  });
}

export async function local({ page, step, picture }) {
  await step('runs the model in this browser, with the text of the server and without asking it', async () => {
    const write = async () => {
      await page.locator('#text').fill('Call me ___{4}.');
      await page.locator('button.main:enabled').click();
      await page.getByText(/^Done in/).waitFor();
      return text(page);
    };
    await page.getByLabel('Seed', { exact: true }).fill('9');
    const served = await write();
    await page.getByLabel('Run', { exact: true }).selectOption('browser');
    await page.getByText('The model runs in this browser.').waitFor();
    const asked = [];
    page.on('request', (request) => request.url().includes('/v1/') && asked.push(request.url()));
    equal(await write(), served);
    await picture('browser');
    equal(asked.join(), '');
    await page.getByLabel('Run', { exact: true }).selectOption('server');
    await page.getByText('The model runs on the server.').waitFor();
    await write();
    equal(asked.length, 1);
  });
}
