// The processor's time of each loop over all parameters: as WebAssembly SIMD and as the plain loop that it replaces, in turns.
import * as tf from '@tensorflow/tfjs';
import { adamwFlat, addFlat, allocate, emaFlat, layout } from '@mdiff/model';
import { stream } from '@mdiff/diffusion';
import { median } from '../shared/median.ts';
import { list, oneOf, optionsOf, whole } from '../shared/options.mjs';
import { UPDATE, sizes } from '../train/sizes.ts';

const options = optionsOf({
  name: 'flat',
  about: "The processor's time of each loop over all parameters of a network, as WebAssembly SIMD and as a plain loop.",
  options: {
    sizes: { kind: list(oneOf(Object.keys(sizes))), default: 'micro,m10', help: 'the networks' },
    rounds: { kind: whole(1), default: 30, help: 'turns of each' },
  },
});

tf.enableProdMode();
await tf.setBackend('cpu'); // as in an engine's thread, where TensorFlow.js is loaded

/** ms of the processor's time */
function spent(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const NAMES = ['params', 'grads', 'm', 'v', 'ema'];
const plainBuffers = (total) => Object.fromEntries(NAMES.map((name) => [name, new Float32Array(total)]));

for (const size of options.sizes) {
  const table = layout(sizes[size]);
  const rng = stream(1, 'flat');
  const ways = { simd: allocate(table.total), plain: plainBuffers(table.total) };
  const drawn = Float32Array.from({ length: table.total }, () => 0.1 * rng.normal());
  for (const buffers of Object.values(ways)) for (const name of ['params', 'grads', 'ema']) buffers[name].set(drawn);
  const other = new Float32Array(new SharedArrayBuffer(4 * table.total)); // the gradient of another thread's part
  other.set(drawn);
  const loops = {
    'AdamW, with the norm': (buffers, step) => adamwFlat({ ...buffers, layout: table, ...UPDATE, step }),
    'sum of two parts': ({ grads }) => addFlat(grads, other),
    'average of the weights': ({ ema, params }) => emaFlat(ema, params, 0.999),
  };
  console.log(`\n${size}: ${(table.total / 1e6).toFixed(2)}M parameters`);
  console.log('loop                     SIMD, ms   plain, ms   plain / SIMD (from, to)');
  for (const [name, loop] of Object.entries(loops)) {
    const pairs = Array.from({ length: options.rounds + 2 }, (_, i) => [
      spent(() => loop(ways.simd, i + 1)),
      spent(() => loop(ways.plain, i + 1)),
    ]).slice(2); // the first compile
    const ratios = pairs.map(([simd, plain]) => plain / simd).sort((a, b) => a - b);
    const [simd, plain] = [0, 1].map((way) => median(pairs.map((pair) => pair[way])).toFixed(1));
    const range = `${median(ratios).toFixed(2)} (${ratios[0].toFixed(2)}, ${ratios.at(-1).toFixed(2)})`;
    console.log(`${name.padEnd(24)} ${simd.padStart(8)}   ${plain.padStart(9)}   ${range}`);
  }
}
