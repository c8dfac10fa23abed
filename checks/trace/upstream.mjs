// The calls that TensorFlow.js's own tests make of its operations: function, inputs and result of each. The tests are read from the installed
// package of @tensorflow/tfjs-core (dist/ops/*_test.js) and run here with other matchers, because only their calls are wanted.
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** Functions that make or hold tensors, or that are no operations: their calls are no cases. */
const PLAIN =
  /^(tensor\d?d?|scalar|variable|buffer|complex|tidy|keep|dispose\w*|engine|env|memory|profile|time|ready|backend|print|clone|cast|op|.*(Backend|Kernel|Kernels|Async|Grads|Variables|Gradient|Platform|Op|Mode|Model)|nextFrame|fromPixels|upcastType|sumOutType|copyRegisteredKernels|findBackend\w*|customGrad|variableGrads|deprecationWarn|broadcast\w*Shape\w*|disableDeprecationWarnings|getKernel\w*|setKernel\w*|setPlatform|rand)$/;
const GROUPS = ['image', 'linalg', 'losses', 'fused', 'signal', 'spectral', 'sparse'];

/** Calls with more elements than this are left out: they test how a backend divides its work. */
const LARGE = 20_000;

/** A matcher that agrees with everything. */
const agree = new Proxy(() => agree, { get: () => agree, apply: () => agree });

const isTensor = (tf, value) => value instanceof tf.Tensor;
const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };
const copy = (tensor) => {
  const data = tensor.dataSync();
  return { shape: tensor.shape.slice(), dtype: tensor.dtype, data: ARRAYS[tensor.dtype]?.from(data) ?? data.slice() };
};

/** Takes the tensors out of arguments: [a copy with holes, the tensors]. */
function takeTensors(tf, value, found = []) {
  if (isTensor(tf, value)) return { hole: found.push(value) - 1 };
  if (Array.isArray(value)) return value.map((entry) => takeTensors(tf, entry, found));
  if (value && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, takeTensors(tf, entry, found)]));
  return { value };
}
function fill(shape, tensors) {
  if (Array.isArray(shape)) return shape.map((entry) => fill(entry, tensors));
  if ('hole' in shape && typeof shape.hole === 'number') return tensors[shape.hole];
  if ('value' in shape && Object.keys(shape).length === 1) return shape.value;
  return Object.fromEntries(Object.entries(shape).map(([key, entry]) => [key, fill(entry, tensors)]));
}

const tensorsOf = (tf, result) => {
  const list = isTensor(tf, result) ? [result] : Array.isArray(result) ? result : Object.values(result ?? {});
  return list.flatMap((entry) => (Array.isArray(entry) ? entry : [entry])).filter((entry) => isTensor(tf, entry));
};

/**
 * Yields the cases of each file of tests: `{ label, fn(tensors) → tensors, inputs, expected }`, where `expected` is an Error if TensorFlow.js
 * refuses the call, and `inputs` and the results are host copies.
 */
export async function* upstream(tf, only = /./) {
  const folder = join(
    dirname(require.resolve('@tensorflow/tfjs-core/package.json', { paths: [dirname(require.resolve('@tensorflow/tfjs'))] })),
    'dist/ops',
  );
  const files = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('_test.js') && only.test(name))
    .sort();
  for (const file of files) yield { file, cases: await casesOf(tf, join(folder, file), file) };
}

async function casesOf(tf, path, file) {
  const cases = [];
  let depth = 0;
  let test = '';
  const call = (name, fn, args) => {
    if (depth > 0) return fn(...args);
    const tensors = [];
    const shape = takeTensors(tf, args, tensors);
    const inputs = tensors.map(copy);
    depth++;
    let result, error;
    try {
      result = fn(...args);
    } catch (thrown) {
      error = thrown;
    } finally {
      depth--;
    }
    const results = tensorsOf(tf, result);
    const small = [...tensors, ...results].every(({ size }) => size <= LARGE);
    if (small && (error || results.length > 0))
      cases.push({
        name,
        label: `${file.replace('_test.js', '')}: ${test}: ${name}`,
        gradient: /grad/i.test(name),
        inputs,
        arguments: args.flat(Infinity).filter((value) => ['number', 'boolean'].includes(typeof value)),
        fn: (given) => {
          depth++;
          try {
            return tensorsOf(tf, fn(...fill(shape, given)));
          } finally {
            depth--;
          }
        },
        expected: error ?? results.map(copy),
      });
    if (error) throw error;
    return result;
  };
  const wrapAll = (group, prefix = '') =>
    new Proxy(group, {
      get(target, key) {
        const value = target[key];
        const name = `${prefix}${String(key)}`;
        if (typeof value === 'object' && GROUPS.includes(key)) return wrapAll(value, `${key}.`);
        if (typeof value !== 'function' || PLAIN.test(String(key)) || /^[A-Z]/.test(String(key))) return value;
        if (/^(grads?|valueAndGrads?)$/.test(String(key)))
          return (f) =>
            (...args) =>
              call(name, value(f), args);
        return (...args) => call(name, value, args);
      },
    });
  const wrapped = wrapAll(tf);
  const close = async () => {};
  const modules = {
    '../index': wrapped,
    '../../index': wrapped,
    '../jasmine_util': { ALL_ENVS: {}, describeWithFlags: (_name, _envs, body) => body({ name: 'cpu', backendName: 'cpu' }) },
    '../test_util': new Proxy({ TEST_EPSILON_FLOAT16: 1e-1, encodeStrings: (x) => x }, { get: (target, key) => target[key] ?? close }),
  };
  modules['../../jasmine_util'] = modules['../jasmine_util'];
  modules['../../test_util'] = modules['../test_util'];
  const names = [];
  const bodies = [];
  const source = readFileSync(path, 'utf8')
    .replace(/^import \* as (\w+) from '(.*)';$/gm, (_, name, module) => `const ${name} = modules[${JSON.stringify(module)}] ?? {};`)
    .replace(/^import \{(.*)\} from '(.*)';$/gm, (_, list, module) => {
      // Operations that a test imports by file are those of the namespace.
      const from = `(modules[${JSON.stringify(module)}] ?? modules['../index'])`;
      return `const {${list.replace(/ as /g, ': ')}} = ${from};`;
    })
    .replace(/^export /gm, '');
  const before = [];
  const given = {
    modules,
    describe: (_name, body) => body(),
    fdescribe: (_name, body) => body(),
    it: (name, body) => (names.push(name), bodies.push(body)),
    expect: () => agree,
    beforeEach: (body) => before.push(body),
    beforeAll: (body) => before.push(body),
    afterEach: close,
    afterAll: close,
    spyOn: () => agree,
    jasmine: agree,
    fail: close,
    xit: close,
  };
  try {
    new Function(...Object.keys(given), source)(...Object.values(given));
  } catch {
    return cases; // A file that needs more than this, such as a browser.
  }
  for (const [i, body] of bodies.entries()) {
    test = names[i];
    try {
      for (const prepare of before) await prepare();
      await body();
    } catch {
      // A test that expects another machine; its calls so far are cases.
    }
    depth = 0;
  }
  return cases;
}
