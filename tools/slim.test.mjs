import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rules, slim } from './slim.mjs';

let base;
beforeEach(() => (base = mkdtempSync(join(tmpdir(), 'mdiff-slim-'))));
afterEach(() => rmSync(base, { recursive: true }));

/** Writes files of a package as pnpm lays them out, 10 bytes each; tells which of them are left. */
function install(name, paths) {
  const folder = join(base, 'node_modules/.pnpm', `${name.replace('/', '+')}@1.0.0`, 'node_modules', name);
  for (const path of paths) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), '0123456789');
  }
  return () => paths.filter((path) => existsSync(join(folder, path)));
}
const here = `${process.platform}/${process.arch}`;

test('what this platform and Node load stays, the rest goes, and a second time finds nothing', () => {
  const kept = {
    'onnxruntime-node': [`bin/napi-v6/${here}/onnxruntime_binding.node`, 'dist/index.js'],
    tokenizers: [`tokenizers.${process.platform}-${process.arch}-gnu.node`, 'index.js'],
    '@tensorflow/tfjs': ['dist/tf.node.js', 'dist/index.js', 'dist/index.d.ts', 'package.json'],
    '@tensorflow/tfjs-core': ['dist/tf-core.node.js', 'dist/ops/add.js', 'dist/ops/add_test.js'],
    'onnxruntime-web': ['dist/ort.webgpu.min.mjs', 'dist/ort-wasm-simd-threaded.asyncify.wasm', 'dist/ort-wasm-simd-threaded.wasm'],
    other: ['map.js', 'lib/de/index.js'],
  };
  const gone = {
    'onnxruntime-node': ['bin/napi-v6/plan9/x64/onnxruntime_binding.node', `bin/napi-v6/${process.platform}/mips/onnxruntime_binding.node`],
    tokenizers: ['tokenizers.plan9-x64.node'],
    '@tensorflow/tfjs': [
      'dist/tf.js',
      'dist/tf.es2017.min.js',
      'dist/tf.fesm.js',
      'dist/miniprogram/index.js',
      'dist/tf.min.js.html',
      'dist/index.js.map',
    ],
    '@tensorflow/tfjs-core': ['dist/tf-core.es2017.js'],
    'onnxruntime-web': ['dist/ort.all.min.mjs', 'dist/ort-wasm-simd-threaded.jspi.wasm', 'dist/ort.webgpu.min.mjs.map'],
    other: ['index.js.map'],
  };
  const left = Object.fromEntries(Object.keys(kept).map((name) => [name, install(name, [...kept[name], ...gone[name]])]));
  expect(slim(base)).toBe(10 * Object.values(gone).flat().length);
  expect(Object.fromEntries(Object.entries(left).map(([name, files]) => [name, files()]))).toEqual(kept);
  expect(slim(base)).toBe(0);
});

test('a folder without an install is left alone', () => expect(slim(base)).toBe(0));

test('every rule names a package that the lockfile has', () => {
  const locked = [...readFileSync(new URL('../pnpm-lock.yaml', import.meta.url), 'utf8').matchAll(/^ {2}'?([@\w][^@'\s]*)@\d/gm)].map(
    ([, name]) => name,
  );
  for (const { of } of rules) expect(locked.some((name) => of.test(name))).toBe(true);
});
