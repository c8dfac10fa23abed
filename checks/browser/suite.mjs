// `@mdiff/generate/browser` in a real Chromium, bundled by Vite: the same tokens as Node for a seed, how long a start from the cache takes, that the
// page stays free. A model is a folder, base-en, or five-megabytes.
//   node --conditions=@mdiff/source --import tsx checks/browser/suite.mjs <model>…
// Prints `N passed, N failed`.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate, infill, loadModel, rewrite, score } from '@mdiff/generate';
import { counter } from '../count.mjs';
import { buildPage } from './built.mjs';
import { processorTime, withChromium } from './chromium.mjs';
import { modelFolder } from './models.mjs';
import { ISOLATED, openSite } from './site.mjs';

/** A start from the cache, in ms, from loadModel to its model, for graphs of at most so many bytes: five times the goal, as a busy machine decides too. */
const MOST_START = 10_000;
const MOST_BYTES = 5.5e6;
/** The page's longest wait for its turn while a text is written, in ms. A network on the page's own thread would keep it for the whole writing. */
const MOST_WAIT = 1000;

const { check, end } = counter();
const scratch = mkdtempSync(join(tmpdir(), 'mdiff-browser-'));

/** By name: what is written, in Node and in the browser. Each is a function of the package's calls, so that both run the same text. */
const writings = {
  'generate, the default sampler': ({ generate }, model) => generate(model, { prompt: 'The captain', seed: 1, maxTokens: 24, n: 2 }),
  'generate, ancestral': ({ generate }, model) => generate(model, { prompt: 'The', seed: 2, maxTokens: 16, sampler: 'ancestral' }),
  'generate, from left to right': ({ generate }, model) => generate(model, { prompt: 'The', seed: 3, maxTokens: 16, sampler: 'causal' }),
  'generate, up to a suffix': ({ generate }, model) => generate(model, { prompt: 'The', suffix: ' said.', seed: 4, maxTokens: 6 }),
  'infill, a gap of open length': ({ infill }, model) => infill(model, ['The captain ', { gap: [1, 6] }, ' the ship.'], { seed: 5 }),
  rewrite: ({ rewrite }, model) => rewrite(model, 'The captain looked out over the sea.', { seed: 6, share: 0.5 }),
};

/** The texts of a page, which are what its user would see. */
async function inNode(folder) {
  const model = await loadModel(folder);
  const texts = {};
  try {
    for (const [name, write] of Object.entries(writings)) {
      texts[name] = await textsOf(() => write({ generate, infill, rewrite }, model));
    }
    return { texts, bits: (await score(model, 'The captain looked out over the sea.', { seed: 1 })).bitsPerByte };
  } finally {
    await model.close();
  }
}

/** The texts, or why there are none: a model that has never predicted the next token refuses to write from left to right. */
async function textsOf(write) {
  try {
    return (await write()).texts.map(({ text }) => text);
  } catch (error) {
    return [error.message];
  }
}

/** Runs in the page: opens the model. */
async function openInPage({ address, options }) {
  const began = performance.now();
  globalThis.model = await globalThis.mdiff.loadModel(address, options);
  return performance.now() - began;
}

/** Runs in the page: the texts of all writings, and how long the page waited for its turn. */
async function writeInPage(sources) {
  const { mdiff, model } = globalThis;
  const texts = {};
  let wait = 0;
  let last = performance.now();
  const began = last;
  const clock = setInterval(() => {
    wait = Math.max(wait, performance.now() - last);
    last = performance.now();
  }, 1);
  for (const [name, source] of Object.entries(sources)) {
    try {
      const result = await (0, eval)(`(${source})`)(mdiff, model);
      texts[name] = result.texts.map(({ text }) => text);
    } catch (error) {
      texts[name] = [error.message];
    }
  }
  clearInterval(clock);
  return { texts, wait, took: performance.now() - began };
}

/** Runs in the page: writes one text of 64 tokens. */
async function timeInPage(sampler) {
  const { mdiff, model } = globalThis;
  const began = performance.now();
  const { texts } = await mdiff.generate(model, { prompt: 'The captain', seed: 7, maxTokens: 64, minTokens: 64, sampler });
  return { tokens: texts[0].tokens, took: performance.now() - began };
}

/** Runs in the page: what is left. */
async function endInPage() {
  const { mdiff, model } = globalThis;
  const abort = new globalThis.AbortController();
  let steps = 0;
  const onStep = () => void (++steps === 2 && abort.abort());
  const aborted = await mdiff.generate(model, { seed: 8, maxTokens: 64, numSteps: 64, signal: abort.signal, onStep }).then(
    () => 'it ended',
    (error) => error.name,
  );
  const { bitsPerByte: bits } = await mdiff.score(model, 'The captain looked out over the sea.', { seed: 1 });
  await model.close();
  const afterClose = await mdiff.generate(model, { seed: 1 }).catch((error) => error.message);
  return { aborted, steps, bits, runtime: model.runtime, afterClose };
}

/** A result, and the processor time of Chromium until it came. */
async function timed(work) {
  const before = processorTime();
  return [await work(), processorTime() - before];
}

async function visit(browser, site, options) {
  const page = await browser.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  try {
    await page.goto(`${site.address}/site/`);
    await page.waitForFunction(() => 'mdiff' in globalThis);
    const sources = Object.fromEntries(Object.entries(writings).map(([name, write]) => [name, write.toString()]));
    const [start, startProcessor] = await timed(() => page.evaluate(openInPage, { address: '../model', options }));
    const written = await page.evaluate(writeInPage, sources);
    const rates = {};
    for (const sampler of ['first_hitting', 'confidence']) {
      const [{ tokens, took }, processor] = await timed(() => page.evaluate(timeInPage, sampler));
      rates[sampler] = `${((tokens * 1000) / took).toFixed(1)} tokens/s (${(processor / tokens).toFixed(1)} ms of processor a token)`;
    }
    return { start, startProcessor, rates, ...written, ...(await page.evaluate(endInPage)), faults };
  } finally {
    await page.close();
  }
}

function compare(label, { texts, bits }, seen, threads) {
  check(`${label}: WebAssembly, ${threads} thread${threads === 1 ? '' : 's'}`, differing({ device: 'wasm', threads }, seen.runtime));
  for (const name of Object.keys(writings)) check(`${label}: ${name}: the same text as Node`, differing(texts[name], seen.texts[name]));
  check(`${label}: score: the same bits/byte to 1e-4`, Math.abs(seen.bits - bits) < 1e-4 ? '' : `${seen.bits} and not ${bits}`);
  const wait = seen.wait < MOST_WAIT ? '' : `${seen.wait.toFixed(0)} ms`;
  check(`${label}: the page waited at most ${MOST_WAIT} ms for its turn during ${(seen.took / 1000).toFixed(1)} s of writing`, wait);
  check(`${label}: an aborted text stops at that step`, differing(['AbortError', 2], [seen.aborted, seen.steps]));
  check(`${label}: a closed model says so`, /the model is closed$/.test(seen.afterClose) ? '' : String(seen.afterClose));
  check(`${label}: no error in the page`, seen.faults.join('\n'));
  const { start, startProcessor, rates } = seen;
  console.log(`       ${label}: start ${start.toFixed(0)} ms (${startProcessor} ms of processor), longest wait ${seen.wait.toFixed(0)} ms`);
  for (const [sampler, rate] of Object.entries(rates)) console.log(`       ${label}: ${sampler}: ${rate}`);
}

const differing = (wanted, got) => {
  const [a, b] = [JSON.stringify(wanted), JSON.stringify(got)];
  return a === b ? '' : `expected ${a}\ngot      ${b}`;
};

async function tryModel(name, folder, pages) {
  const reference = await inNode(folder);
  const isolated = await openSite({ '/site/': pages, '/model/': folder }, ISOLATED);
  const plain = await openSite({ '/site/': pages, '/model/': folder });
  try {
    await withChromium(async (browser) => {
      const context = await browser.newContext();
      const first = await visit(context, isolated, { threads: 2 });
      compare(`${name}, first visit`, reference, first, 2);
      isolated.asked.length = 0;
      const again = await visit(context, isolated, { device: 'wasm', threads: 1 });
      compare(`${name}, from the cache`, reference, again, 1);
      const files = isolated.asked.filter((path) => path.startsWith('/model/'));
      check(`${name}, from the cache: the server is asked for the manifest alone`, differing(['/model/manifest.json'], files));
      if (statSync(join(folder, 'onnx/model.onnx')).size <= MOST_BYTES)
        check(`${name}, from the cache: starts in under ${MOST_START} ms`, again.start < MOST_START ? '' : `${again.start.toFixed(0)} ms`);
      // Without shared memory two threads are asked for in vain.
      compare(`${name}, a page that is not isolated`, reference, await visit(await browser.newContext(), plain, { threads: 2 }), 1);
    });
  } finally {
    await isolated.close();
    await plain.close();
  }
}

try {
  const pages = join(scratch, 'pages');
  await buildPage(fileURLToPath(new URL('page', import.meta.url)), pages);
  for (const name of process.argv.slice(2)) {
    await tryModel(basename(name), await modelFolder(name, scratch), pages);
  }
} catch (error) {
  check('the suite runs', String(error.stack));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
end();
