// Every operation that mdiff traces, in ONNX Runtime beside tfjs-cpu: the calls of TensorFlow.js's own tests with their gradients, and drawn cases
// of every kernel. Each is compared as traced and as optimised.
//   node --conditions=@mdiff/source --import tsx checks/trace/ops.mjs [--file PATTERN] [--draws N] [--list]
// Prints `N equal, N refused clearly, N different, N unclear`, and `N passed, N failed`: what differs or fails unclearly, and is not expected.
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { CASES, example } from '../../packages/trace/src/cases.test.util.ts';
import { deviation } from '../../packages/trace/src/harness.test.util.ts';
import { optimize, toOnnx, trace } from '../../packages/trace/src/index.ts';
import { tf } from '../../packages/trace/src/tf.ts';
import { expectedDifference } from './expected.mjs';
import { upstream } from './upstream.mjs';

// The copy that the package's own tests use.
const ort = createRequire(new URL('../../packages/trace/src/tf.ts', import.meta.url))('onnxruntime-node');
const { values } = parseArgs({
  options: { file: { type: 'string', default: '.' }, draws: { type: 'string', default: '2' }, list: { type: 'boolean', default: false } },
});
const TOLERANCE = 1e-4;
const counts = { equal: 0, refused: 0, documented: 0, different: 0, unclear: 0 };
const gradients = { equal: 0, other: 0 };
const faults = [];

const note = (kind, one, why) => {
  const documented = (kind === 'different' || kind === 'unclear') && expectedDifference(one);
  const counted = documented ? 'documented' : kind;
  counts[counted]++;
  if (one.gradient) gradients[kind === 'equal' ? 'equal' : 'other']++;
  if (counted === 'different' || counted === 'unclear') faults.push(`${counted}: ${one.label}: ${why}`);
  if (values.list && (documented || kind === 'refused')) console.log(`${counted}: ${one.label}: ${why}`);
};

async function runModel(graph, feeds) {
  const session = await ort.InferenceSession.create(toOnnx(graph), { logSeverityLevel: 4, intraOpNumThreads: 1, interOpNumThreads: 1 });
  try {
    const results = await session.run(
      Object.fromEntries(Object.entries(feeds).map(([name, { dtype, data, shape }]) => [name, new ort.Tensor(dtype, data, shape)])),
    );
    return Object.fromEntries(
      Object.entries(results).map(([name, { type, dims, data }]) => [name, { dtype: type, shape: [...dims], data }]),
    );
  } finally {
    await session.release();
  }
}

/** Compares the graph, as traced and optimised, with the expected values by output name. */
async function compare(one, graph, feeds, expected) {
  for (const [way, pass] of [
    ['traced', (same) => same],
    ['optimised', optimize],
  ]) {
    const results = await runModel(pass(graph), feeds);
    for (const [name, value] of Object.entries(expected)) {
      let worst;
      try {
        worst = deviation(results[name], value);
      } catch (error) {
        return note('different', one, `${way}: ${error.message}`);
      }
      if (!(worst < TOLERANCE)) return note('different', one, `${way}, ${name}: off by ${worst}`);
    }
  }
  note('equal', one);
}

async function checkCall(one) {
  const feeds = Object.fromEntries(one.inputs.map((input, i) => [`x${i}`, input]));
  const specs = Object.fromEntries(Object.entries(feeds).map(([name, { shape, dtype }]) => [name, { shape, dtype }]));
  const refuses = one.expected instanceof Error;
  let graph;
  try {
    graph = trace((given) => Object.fromEntries(one.fn(one.inputs.map((_, i) => given[`x${i}`])).map((value, i) => [`y${i}`, value])), {
      inputs: specs,
    });
  } catch (error) {
    // The gradient of a test may be of a tensor that the test made outside: TensorFlow.js itself says so.
    const clear = error.code === 'MDIFF_TRACE' || refuses || /^Cannot compute gradient/.test(error.message);
    return note(clear ? 'refused' : 'unclear', one, error.message.split('\n')[0]);
  }
  try {
    if (!refuses) return await compare(one, graph, feeds, Object.fromEntries(one.expected.map((value, i) => [`y${i}`, value])));
    await runModel(graph, feeds);
    note('different', one, `TensorFlow.js refuses it: ${one.expected.message.split('\n')[0]}`);
  } catch (error) {
    note(refuses ? 'refused' : 'unclear', one, error.message.split('\n')[0]);
  }
}

tf.enableProdMode();
await tf.setBackend('cpu');
const warn = console.warn;
console.warn = () => {};
for await (const { cases } of upstream(tf, new RegExp(values.file))) for (const one of cases) await checkCall(one);
for (const label of Object.keys(CASES).filter((name) => new RegExp(values.file).test(name)))
  for (let seed = 0; seed < Number(values.draws); seed++) {
    const one = { label: `drawn ${label}, seed ${seed}`, inputs: [] };
    try {
      const { graph, feeds, expected } = example(label, 1000 + 7919 * seed);
      await compare(one, graph, feeds, expected);
    } catch (error) {
      note('unclear', one, error.message.split('\n')[0]);
    }
  }
console.warn = warn;

for (const fault of faults) console.log(fault);
console.log(
  `${counts.equal} equal, ${counts.refused} refused clearly, ${counts.different} different, ${counts.unclear} unclear (${counts.documented} more differ as the README of @mdiff/trace says; gradients: ${gradients.equal} equal, ${gradients.other} refused or different)`,
);
console.log(`${counts.equal + counts.refused + counts.documented} passed, ${faults.length} failed`);
process.exitCode = faults.length === 0 ? 0 : 1;
