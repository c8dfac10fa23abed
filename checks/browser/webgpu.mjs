// `@mdiff/generate/browser` on WebGPU, in Chromium with its software device: without a choice it takes the GPU, and writes what Node writes.
//   node --conditions=@mdiff/source --import tsx checks/browser/webgpu.mjs <model>
// A model is a folder, base-en, or five-megabytes. Prints `N passed, N failed`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate, infill, loadModel, score } from '@mdiff/generate';
import { counter } from '../count.mjs';
import { buildPage } from './built.mjs';
import { withChromium } from './chromium.mjs';
import { modelFolder } from './models.mjs';
import { ISOLATED, openSite } from './site.mjs';

const { check, end } = counter();
const scratch = mkdtempSync(join(tmpdir(), 'mdiff-webgpu-'));

/** Each runs in Node and in the page. Few tokens: a software device computes as slowly as it sounds. */
const writings = {
  'first_hitting in blocks of one': async ({ generate: write }, model) =>
    (await write(model, { prompt: 'The', seed: 1, maxTokens: 8, n: 2, sampler: 'first_hitting', blockLength: 1 })).texts.map(
      ({ text }) => text,
    ),
  confidence: async ({ generate: write }, model) =>
    (await write(model, { prompt: 'The', seed: 2, maxTokens: 8, sampler: 'confidence' })).texts.map(({ text }) => text),
  'from left to right': async ({ generate: write }, model) =>
    (await write(model, { prompt: 'The', seed: 3, maxTokens: 6, sampler: 'causal' })).texts.map(({ text }) => text),
  'a gap': async ({ infill: fill }, model) =>
    (await fill(model, ['The ', { gap: 2 }, ' ship.'], { seed: 4 })).texts.map(({ text }) => text),
  'bits/byte, to three digits': async ({ score: judge }, model) => (await judge(model, 'The sea.', { seed: 1 })).bitsPerByte.toFixed(3),
};

/** The result, or why there is none. */
async function outcome(write, calls, model) {
  try {
    return await write(calls, model);
  } catch (error) {
    return error.message;
  }
}

async function inNode(folder) {
  const model = await loadModel(folder);
  const results = {};
  for (const [name, write] of Object.entries(writings)) results[name] = await outcome(write, { generate, infill, score }, model);
  await model.close();
  return results;
}

/** Runs in the page. */
async function inPage({ address, sources }) {
  const adapter = await globalThis.navigator.gpu?.requestAdapter();
  const { mdiff } = globalThis;
  const model = await mdiff.loadModel(address);
  const results = {};
  for (const [name, source] of Object.entries(sources)) {
    try {
      results[name] = await (0, eval)(`(${source})`)(mdiff, model);
    } catch (error) {
      results[name] = error.message;
    }
  }
  const { runtime } = model;
  await model.close();
  return { adapter: adapter ? `${adapter.info.vendor} ${adapter.info.architecture}` : 'none', runtime, results };
}

async function tryModel(folder, pages) {
  const wanted = await inNode(folder);
  const site = await openSite({ '/site/': pages, '/model/': folder }, ISOLATED);
  try {
    await withChromium(
      async (browser) => {
        const page = await browser.newPage();
        await page.goto(`${site.address}/site/`);
        await page.waitForFunction(() => 'mdiff' in globalThis);
        const sources = Object.fromEntries(Object.entries(writings).map(([name, write]) => [name, write.toString()]));
        const { adapter, runtime, results } = await page.evaluate(inPage, { address: '../model', sources });
        check(`Chromium has a WebGPU device: ${adapter}`, adapter === 'none' ? 'none' : '');
        check('the model runs on it', runtime.device === 'webgpu' ? '' : `it runs on ${runtime.device}`);
        for (const name of Object.keys(writings)) {
          const [a, b] = [JSON.stringify(wanted[name]), JSON.stringify(results[name])];
          check(`${name}: as in Node`, a === b ? '' : `expected ${a}\ngot      ${b}`);
        }
      },
      ['--enable-unsafe-webgpu'],
    );
  } finally {
    await site.close();
  }
}

try {
  const pages = join(scratch, 'pages');
  await buildPage(fileURLToPath(new URL('page', import.meta.url)), pages);
  await tryModel(await modelFolder(process.argv[2] ?? 'five-megabytes', scratch), pages);
} catch (error) {
  check('the check runs', String(error.stack));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
end();
