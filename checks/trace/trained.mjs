// Models of TensorFlow.js that were trained as ONNX: the same numbers in Node, in Chromium's WebAssembly and on its WebGPU, and, with
// checks/python/trained.py, in Python. Chromium's WebGPU device here is SwiftShader, which computes on the processor.
//   node --conditions=@mdiff/source --import tsx checks/trace/trained.mjs <folder>
// Writes for each model the graphs of its step and of its prediction, as `NAME.onnx` and, for WebGPU, `NAME.webgpu`, and `NAME.json` with their
// inputs and what Node computed. Prints `N passed, N failed`.
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
const { check, step, end } = counter();

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
    if (k === STEPS) write(`${name}.step`, onnx, toOnnx(graph, { webgpu: true }), feeds, result);
  }
  const prediction = compile(model, options.shapes && { shapes: options.shapes });
  const weights = Object.fromEntries(Object.keys(prediction.state).map((key) => [key, before[key].data]));
  const [predicting, onGpu] = [false, true].map((webgpu) => toOnnx(prediction.graph, { initializers: weights, webgpu }));
  const feeds = { [prediction.graph.inputs[0].name]: tensor(x) };
  write(`${name}.predict`, predicting, onGpu, feeds, await (await ort.InferenceSession.create(predicting)).run(feeds));
  return losses;
}

const cases = [];
function write(name, onnx, webgpu, inputs, outputs) {
  writeFileSync(join(folder, `${name}.onnx`), onnx);
  writeFileSync(join(folder, `${name}.webgpu`), webgpu);
  const one = { inputs: all(inputs), outputs: all(outputs) };
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(one));
  cases.push({ name, ...one });
}

/** Runs in the page. `dispatched` counts what the session started on the GPU. */
async function inPage({ inputs, url, runtime, provider }) {
  const web = await import(runtime);
  web.env.wasm.numThreads = 1;
  const encoder = globalThis.GPUComputePassEncoder?.prototype;
  const { dispatchWorkgroups } = encoder ?? {};
  let dispatched = 0;
  if (dispatchWorkgroups)
    encoder.dispatchWorkgroups = function (...sizes) {
      dispatched++;
      return dispatchWorkgroups.apply(this, sizes);
    };
  try {
    // ONNX Runtime warns that it leaves sizes to the processor, as it should.
    const session = await web.InferenceSession.create(url, { executionProviders: [provider], logSeverityLevel: 3 });
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([key, { dims, data }]) => [key, new web.Tensor('float32', Float32Array.from(data), dims)]),
    );
    const results = await session.run(feeds);
    return { dispatched, found: Object.fromEntries(Object.entries(results).map(([key, { data }]) => [key, [...data]])) };
  } finally {
    if (dispatchWorkgroups) encoder.dispatchWorkgroups = dispatchWorkgroups;
  }
}

/** Runs in the page: the name of the GPU, or undefined. */
async function adapterInPage() {
  const adapter = await globalThis.navigator.gpu?.requestAdapter();
  return adapter ? `${adapter.info.vendor} ${adapter.info.architecture}` : undefined;
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
  await withChromium(
    async (browser) => {
      // One page, because its sessions share what they compile for the GPU.
      const page = await browser.newPage();
      await page.goto(`${site.address}/`);
      const adapter = await page.evaluate(adapterInPage);
      check(`Chromium has a WebGPU device: ${adapter}`, adapter ? '' : 'none');
      for (const [provider, file] of [
        ['wasm', 'onnx'],
        ['webgpu', 'webgpu'],
      ])
        // prettier-ignore
        for (const { name, inputs, outputs } of cases)
          await step(`${name}: Chromium has the numbers of Node on ${provider}`, async () => {
            const work = { inputs, url: `${site.address}/${name}.${file}`, runtime: `${site.address}/runtime/ort.${provider}.min.mjs`, provider }; // prettier-ignore
            const { found, dispatched } = await page.evaluate(inPage, work);
            if (provider === 'webgpu' && dispatched === 0) return 'nothing ran on the GPU';
            const worst = farthest(outputs, found);
            return worst < CLOSE ? '' : `${worst} apart`;
          });
    },
    // Without it Chromium has no WebGPU where there is no GPU.
    ['--enable-unsafe-webgpu'],
  );
} finally {
  await site.close();
}
end();
