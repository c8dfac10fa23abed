import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

import type { Batch } from './batches.js';

type Run = (...modules: unknown[]) => Promise<{ batches: Batch[]; unitsPerStage: unknown[][]; steps: number[] }>;
const AsyncFunction = Object.getPrototypeOf(async () => Promise.resolve()).constructor as new (...code: string[]) => Run;

it('the example of the README runs and gives the batches of a step', async () => {
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```ts\n([\s\S]*?)```/.exec(text)![1]!;
  const imports = [...code.matchAll(/^import (\{.*\}) from '(.*)';$/gm)].map(([, names, module]) => ({ names: names!, module: module! }));
  const modules = await Promise.all(imports.map(({ module }) => import(/* @vite-ignore */ module) as Promise<unknown>));
  const bound = imports.map(({ names }, i) => `const ${names} = modules[${i}];`).join('\n');
  const run = new AsyncFunction('modules', `${bound}\n${code.replace(/^import .*$/gm, '')}\nreturn { batches, unitsPerStage, steps };`);
  const { batches, unitsPerStage, steps } = await run(modules);
  expect(unitsPerStage).toHaveLength(steps.length);
  expect(batches[0]).toMatchObject({ B: 4 });
  expect(batches[0]!.units.length).toBeGreaterThan(0);
}, 60_000);
