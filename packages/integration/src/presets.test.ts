import { fileURLToPath } from 'node:url';
import { ProjectConfig, diffConfigs, loadProject, presetNames } from '@mdiff/config';
import { expect, it } from 'vitest';

const recipe = (name: string): string => fileURLToPath(new URL(`../../../runs/${name}.yaml`, import.meta.url));

it.each(['quickstart', 'book'])(
  'runs/%s.yaml differs from the preset in nothing but the name: a book of yours gets what was measured',
  (name) => {
    const { config } = loadProject({ file: recipe(name), env: {} });
    expect(diffConfigs(ProjectConfig.preset(name), config)).toEqual([`experiment_name: micro-diffusion -> ${name}`]);
  },
);

it.each(['quickstart', 'book', 'pretrain', 'fast_debug'])('the preset %s passes --strict', (name) => {
  expect(presetNames).toContain(name);
  expect(loadProject({ preset: name, strict: true, env: {} }).warnings).toEqual([]);
});
