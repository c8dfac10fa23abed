import { afterAll, afterEach, beforeEach, expect } from 'vitest';
import { processorSeconds } from './processor.js';

// A library that prints is a bug: every test fails on stray console output.
// Tests that expect output spy on the console themselves.
const stray: string[] = [];
const methods = ['log', 'info', 'warn', 'error', 'debug'] as const;
const originals = new Map(methods.map((method) => [method, console[method]]));

// Each file has a process of its own, so what this process took is what the file took, its start included. tools/slowest.mjs reads it.
// eslint-disable-next-line no-empty-pattern -- Vitest accepts nothing else in the place of the fixtures.
afterAll(({}, file) => {
  Object.assign(file.meta, { processorSeconds: processorSeconds() });
});

beforeEach(() => {
  stray.length = 0;
  for (const method of methods) {
    console[method] = (...parts: unknown[]) => {
      stray.push(`${method}: ${parts.map(String).join(' ')}`);
    };
  }
});

afterEach(() => {
  for (const method of methods) console[method] = originals.get(method)!;
  expect(stray, 'stray console output').toEqual([]);
});
