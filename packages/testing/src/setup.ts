import { afterEach, beforeEach, expect } from 'vitest';

// A library that prints is a bug: every test fails on stray console output.
// Tests that expect output spy on the console themselves.
const stray: string[] = [];
const methods = ['log', 'info', 'warn', 'error', 'debug'] as const;
const originals = new Map(methods.map((method) => [method, console[method]]));

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
