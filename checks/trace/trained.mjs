// Models of TensorFlow.js that were trained as ONNX: the same numbers in Node and in Chromium's WebAssembly, and, with checks/python/trained.py, in Python.
//   node --conditions=@mdiff/source --import tsx checks/trace/trained.mjs <folder>
// Writes for each model the graphs of its step and of its prediction, and `NAME.json` with their inputs and what Node computed. Prints `N passed, N failed`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { compile, toOnnx, updateName } from '@mdiff/trace';
import * as ort from 'onnxruntime-node';
import { withChromium } from '../browser/chromium.mjs';
import { openSite } from '../browser/site.mjs';
import { counter } from '../count.mjs';
import { models } from './models.mjs';

const STEPS = 20;
/** As the suite of operations has it: sums of other orders differ in their last bits. */
const CLOSE = 1e-5;
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: trained.mjs <folder>');
mkdirSync(folder, { recursive: true });
const { step, end } = counter();

const tensor = ({ dims, data }) => new ort.Tensor('float32', Float32Array.from(data), dims);
const plain = ({ dims, data }) => ({ dims: [...dims], data: [...data] });
const all = (tensors) => Object.fromEntries(Object.entries(tensors).map(([name, one]) => [name, plain(one)]));

/** Trains one model in Node; the files are of one more step after that, and of a prediction with the weights before it. */
async function trained(name) {
  const { model, options, x, y } = models[name]();
  const { graph, state: first } = compile(model, options);
  const onnx = toOnnx(graph);
  const session = await ort.InferenceSession.create(onnx);
  let state = Object.fromEntries(graph.variables.map(({ name, shape }) => [name, tensor({ dims: shape, data: first[name] })]));
  const losses = [];
  let before;
  for (let k = 0; k <= STEPS; k++) {
    before = state;
    const feeds = { [graph.inputs[0].name]: tensor(x), target: tensor(y), ...state };
    const result = await session.run(feeds);
    losses.push(result.loss.data[0]);
    state = Object.fromEntries(Object.keys(state).map((key) => [key, result[updateName(key)]]));
    if (k === STEPS) write(`${name}.step`, onnx, feeds, result);
  }
  const prediction = compile(model, options.shapes && { shapes: options.shapes });
  const weights = Object.fromEntries(Object.keys(prediction.state).map((key) => [key, before[key].data]));
  const predicting = toOnnx(prediction.graph, { initializers: weights });
  const feeds = { [prediction.graph.inputs[0].name]: tensor(x) };
  write(`${name}.predict`, predicting, feeds, await (await ort.InferenceSession.create(predicting)).run(feeds));
  return losses;
}

const cases = [];
function write(name, onnx, inputs, outputs) {
  writeFileSync(join(folder, `${name}.onnx`), onnx);
  const one = { inputs: all(inputs), outputs: all(outputs) };
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(one));
  cases.push({ name, ...one });
}

/** Runs in the page. */
async function inPage({ inputs, url, runtime }) {
  const web = await import(runtime);
  web.env.wasm.numThreads = 1;
  const session = await web.InferenceSession.create(url, { executionProviders: ['wasm'] });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([key, { dims, data }]) => [key, new web.Tensor('float32', Float32Array.from(data), dims)]),
  );
  const results = await session.run(feeds);
  return Object.fromEntries(Object.entries(results).map(([key, { data }]) => [key, [...data]]));
}

/** The largest difference, where numbers above 1 count by their ratio. */
function farthest(expected, found) {
  let worst = 0;
  for (const [key, { data }] of Object.entries(expected)) {
    if (found[key]?.length !== data.length) return Infinity;
    for (const [i, value] of data.entries()) worst = Math.max(worst, Math.abs(value - found[key][i]) / Math.max(1, Math.abs(value)));
  }
  return worst;
}

for (const name of Object.keys(models))
  await step(`${name}: ${STEPS} steps in Node lower its loss`, async () => {
    const losses = await trained(name);
    return losses.at(-1) < losses[0] ? '' : losses.join(' ');
  });

const runtime = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
writeFileSync(join(folder, 'index.html'), '<!doctype html><title>trained models</title>');
const site = await openSite({ '/runtime/': runtime, '/': folder });
try {
  await withChromium(async (browser) => {
    const page = await browser.newPage();
    await page.goto(`${site.address}/`);
    for (const { name, inputs, outputs } of cases)
      await step(`${name}: Chromium has the numbers of Node`, async () => {
        const work = { inputs, url: `${site.address}/${name}.onnx`, runtime: `${site.address}/runtime/ort.wasm.min.mjs` };
        const worst = farthest(outputs, await page.evaluate(inPage, work));
        return worst < CLOSE ? '' : `${worst} apart`;
      });
  });
} finally {
  await site.close();
}
end();
