import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { tf } from '../tf.js';
import { KERNEL_INPUTS, ONNX, TENSORFLOW } from '../index.js';
import { REWRITTEN } from './kernels.js';
import { SLICES } from './slices.js';

const yes = (value: boolean): string => (value ? 'yes' : '');
const gradientOf = (tf as unknown as { getGradient(name: string): unknown }).getGradient;

/** A row of the README for every kernel that can be recorded. */
const rows = [...KERNEL_INPUTS.keys()]
  .filter((name) => name !== 'Foreign')
  .sort()
  .map((name) => {
    const rewritten = REWRITTEN.includes(name) || SLICES.has(name);
    const has = (targets: Readonly<Record<string, unknown>>): string => yes(rewritten || name in targets);
    return [name, has(ONNX), has(TENSORFLOW), yes(gradientOf(name) != null)];
  });

it('the README lists every kernel', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const listed = [...readme.matchAll(/^\| `(\w+)` *\| (yes)? *\| (yes)? *\| (yes)? *\|$/gm)].map(([, ...cells]) =>
    cells.map((cell) => cell ?? ''),
  );
  expect(
    listed,
    `the table of kernels in the README should be:\n${rows.map(([name, ...cells]) => `| \`${name}\` | ${cells.join(' | ')} |`).join('\n')}`,
  ).toEqual(rows);
});
