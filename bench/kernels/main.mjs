// The processor's time of a training step in native TensorFlow, with each variant of the kernels that contain matrix products and with TensorFlow's own
// products. All of them live in one process and take turns step by step, so that other work on the machine strikes them alike.
import * as tf from '@tensorflow/tfjs';
import { locateTensorFlow, tensorflowEnvironment } from '@mdiff/engine';
import { openKernels, tensorflowCore } from '@mdiff/engine/compute';
import { median } from '../shared/median.ts';
import { failure, list, oneOf, optionsOf, text, whole } from '../shared/options.mjs';
import { TOKENS, UPDATE, batchesOf, flopsOf, sizes } from '../train/sizes.ts';

const own = 'tensorflow';
const all = { ...sizes, base: { ...sizes.micro, n_layers: 4, vocab_size: 16384 } };
const options = optionsOf({
  name: 'kernels',
  about: "The processor's time of a training step with each variant of the fused kernels' products, and with TensorFlow's own in float32.",
  options: {
    sizes: { kind: list(oneOf(Object.keys(all))), default: 'micro,base', help: 'the networks; base: that of @mdiff/base-en' },
    rounds: { kind: whole(1), default: 10, help: 'steps of each' },
    only: {
      kind: list(text('name')),
      help: 'these variants alone',
    },
  },
});

const tensorflow = locateTensorFlow({ cacheDir: 'cache', device: 'cpu' });
if (!tensorflow) throw failure('native TensorFlow is not installed; run "mdiff engine install tensorflow", or set MDIFF_TENSORFLOW');
// One thread, whose time is what is measured; TensorFlow's own products in float32.
Object.assign(process.env, tensorflowEnvironment(tensorflow, { device: 'cpu', threads: 1 }), { ONEDNN_DEFAULT_FPMATH_MODE: 'STRICT' });
tf.enableProdMode();
await tf.setBackend('cpu');

/** ms of the processor's time, of all threads of this process */
const spent = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** The step in every way that this machine has; TensorFlow's own products in float32 first, which the others are compared with. */
async function open(model) {
  const { variants } = openKernels(tensorflow, 1) ?? { variants: [] };
  const ways = [
    { name: own, products: 'tensorflow', precision: 'float32' },
    { name: `${own} bf16`, products: 'tensorflow', precision: 'bfloat16' },
    ...variants.map(({ name, precision }) => ({ name, products: name, precision })),
  ].filter(({ name }) => name === own || !options.only || options.only.includes(name));
  const opened = new Map();
  for (const { name, products, precision } of ways) {
    const mixedPrecision = precision === 'bfloat16';
    const given = { model, labelSmoothing: 0, seed: 7, threads: 1, device: 'cpu', tensorflow, mixedPrecision, products };
    opened.set(name, await tensorflowCore(given));
  }
  return opened;
}

for (const size of options.sizes) {
  const model = all[size];
  const cores = await open(model);
  const times = new Map([...cores.keys()].map((name) => [name, []]));
  const losses = new Map();
  const batches = batchesOf(model, 2);
  for (let step = 1; step <= options.rounds + 1; step++) {
    for (const [name, core] of cores) {
      const before = spent();
      const { loss } = await core.step({ batches: [batches[step % 2]], update: { ...UPDATE, step } });
      losses.set(name, loss);
      if (step > 1) times.get(name).push(spent() - before); // the first prepares
    }
  }
  const flops = flopsOf(model);
  console.log(
    `\n${size}: ${model.n_layers} layers, width ${model.d_model}, vocabulary ${model.vocab_size}, ${TOKENS} tokens a step, one thread`,
  );
  console.log('products       ms of the processor   × tensorflow (from, to)   GF/s   loss at the end');
  for (const [name, own_times] of times) {
    const ratios = own_times.map((ms, i) => ms / times.get(own)[i]).sort((a, b) => a - b);
    const ms = median(own_times);
    const range = `${median(ratios).toFixed(2)} (${ratios[0].toFixed(2)}, ${ratios.at(-1).toFixed(2)})`;
    console.log(
      `${name.padEnd(14)} ${ms.toFixed(1).padStart(19)}   ${range.padEnd(23)}   ${(flops / ms / 1e6).toFixed(0).padStart(4)}   ${losses.get(name).toFixed(5)}`,
    );
  }
}
