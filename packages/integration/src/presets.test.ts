import { fileURLToPath } from 'node:url';
import { ProjectConfig, diffConfigs, loadProject, presetSummaries } from '@mdiff/config';
import { expect, it } from 'vitest';

const recipe = (name: string): string => fileURLToPath(new URL(`../../../runs/${name}.yaml`, import.meta.url));

it.each(['quickstart', 'book'])(
  'runs/%s.yaml differs from the preset in nothing but the name: a book of yours gets what was measured',
  (name) => {
    const { config } = loadProject({ file: recipe(name), env: {} });
    expect(diffConfigs(ProjectConfig.preset(name), config)).toEqual([`experiment_name: micro-diffusion -> ${name}`]);
  },
);

it('mdiff train mybook.txt gets what npm start trains, but for the text and the name', () => {
  const given = { flag: '[book]', set: 'data.source=/books/mybook.txt' };
  const mine = loadProject({ file: false, set: [given], env: {} }).config;
  const start = loadProject({ file: recipe('quickstart'), env: {} }).config;
  expect(diffConfigs(start, mine)).toEqual([
    'experiment_name: quickstart -> micro-diffusion',
    'data.source: "builtin:moby-dick" -> "/books/mybook.txt"',
  ]);
});

// `default` is the original's run for a large GPU: its warnings are part of the specification.
const runs = presetSummaries().filter(({ sets, name }) => sets === 'run' && name !== 'default');

it.each(runs)('the preset $name passes --strict', ({ name }) => {
  expect(loadProject({ preset: name, strict: true, env: {}, file: false }).warnings).toEqual([]);
});

// The large models need a large GPU, and cannot learn next tokens as quickstart does.
const large = ['tiny_125m', 'small_350m'];

it.each(presetSummaries().filter(({ sets }) => sets !== 'run'))('the preset $name over a run passes --strict', ({ name }) => {
  const base = large.includes(name) ? 'fast_debug' : 'quickstart';
  const set = large.includes(name) ? ['hardware.max_vram_gb=24'] : [];
  const warnings = ProjectConfig.parse(`extends: [${base}, ${name}]`, { set }).validate();
  // A key that is not built yet says so wherever it is set.
  expect(warnings.filter(({ code }) => code !== 'W10')).toEqual([]);
});
