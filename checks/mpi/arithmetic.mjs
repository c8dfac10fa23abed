// The additions of MPI's addon against those of JavaScript, to the bit. Usage: node … checks/mpi/arithmetic.mjs <mpi.node>
import { createRequire } from 'node:module';
import { stream } from '../../packages/diffusion/src/index.ts';
import { arithmetic } from '../../packages/engine/src/ranks/exchange.ts';

const addon = createRequire(import.meta.url)(process.argv[2]);
const length = 100_003;
const rng = stream(11, 'arithmetic');
const words = () => Uint32Array.from({ length }, () => rng.int(2 ** 16) * 2 ** 16 + rng.int(2 ** 16));
/** Numbers of every size; without NaN, whose bits an addition may choose. */
const floats = () => new Float32Array(words().buffer).map((value) => (Number.isNaN(value) ? Infinity : value));

const calls = {
  'add float32': ({ add }, { a, b }) => (add(a, b), [a]),
  'add bfloat16': ({ add }, { a, halves }) => (add(a, halves), [a]),
  expand: ({ expand }, { a, halves }) => (expand(a, halves), [a]),
  compress: ({ compress }, { a, b, halves }) => (compress(a, b, halves), [b, halves]),
};
let wrong = 0;
for (const [name, call] of Object.entries(calls)) {
  const given = { a: floats(), b: floats(), halves: new Uint16Array(floats().buffer).filter((_, i) => i % 2 === 1) };
  const [ours, theirs] = [arithmetic, addon].map((one) =>
    call(one, Object.fromEntries(Object.entries(given).map(([key, array]) => [key, array.slice()]))),
  );
  const bits = ({ buffer, BYTES_PER_ELEMENT }) => (BYTES_PER_ELEMENT === 4 ? new Uint32Array(buffer) : new Uint16Array(buffer));
  const isNaNOf = (array, i) => Number.isNaN(array[i]) || (array instanceof Uint16Array && (array[i] & 0x7fff) > 0x7f80);
  for (const [k, array] of ours.entries()) {
    const [a, b] = [bits(array), bits(theirs[k])];
    const at = a.findIndex((word, i) => word !== b[i] && !(isNaNOf(array, i) && isNaNOf(theirs[k], i)));
    if (at < 0) continue;
    wrong++;
    console.error(`${name}, number ${at}: ${a[at].toString(16)} in JavaScript, ${b[at].toString(16)} in the addon`);
  }
}
process.exitCode = wrong > 0 ? 1 : 0;
