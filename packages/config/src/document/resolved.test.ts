import { expect, it } from 'vitest';
import { ProjectConfig, differences, inputOf, isSetIn, projectConfig, resolvedYaml, valuesByKey } from '../index.js';

const run = projectConfig({
  seed: 7,
  data: { source: 'a # b  # default.txt' },
  generation: { stop: ['${x}', 'end'] },
  model: { d_model: 64, n_heads: 2, max_seq_len: 96 },
  curriculum: {
    stages: [{ name: 'only', epochs: 3, masking_rate_range: [0.1, 1], data_selection: 'all', format_type: 'pairs' }],
  },
});

it('reads a resolved configuration back: the same values, the same defaults, the same origins', () => {
  for (const config of [run, ProjectConfig.default(), ProjectConfig.preset('quickstart')]) {
    const text = resolvedYaml(config, { engine: 'tfjs' });
    const back = ProjectConfig.resolved(text, 'run/config.resolved.yaml');
    expect(valuesByKey(back)).toEqual(valuesByKey(config));
    for (const key of Object.keys(valuesByKey(config))) expect(isSetIn(back, key), key).toBe(isSetIn(config, key));
    expect(resolvedYaml(back, { engine: 'tfjs' })).toBe(text);
    expect(back.validate()).toEqual(config.validate());
  }
});

it('keeps a value that was a default in an earlier release', () => {
  const text = resolvedYaml(run).replace(/learning_rate: 0\.0002 {2}/, 'learning_rate: 0.0003  ');
  const back = ProjectConfig.resolved(text, 'config.resolved.yaml');
  expect(back.training.learning_rate).toBe(0.0003);
});

it('refuses a text that is none, with the place', () => {
  expect(() => ProjectConfig.resolved('seed: [', 'run/config.resolved.yaml')).toThrow(/run\/config\.resolved\.yaml:1/);
  expect(() => ProjectConfig.resolved('no_such_key: 1', 'run/config.resolved.yaml')).toThrow(/run\/config\.resolved\.yaml:1.*a known key/);
});

it('names the keys that a second configuration sets otherwise, and where', () => {
  const asked = projectConfig({ seed: 8, model: { d_model: 64, n_heads: 2 }, training: { val_split: 0.4 } });
  expect(differences(asked, run)).toEqual([
    { key: 'seed', asked: 8, recorded: 7, where: 'code' },
    { key: 'training.val_split', asked: 0.4, recorded: 0.1, where: 'code' },
  ]);
  expect(differences(run, run)).toEqual([]);
});

it('turns values by key into an input', () => {
  expect(projectConfig(inputOf({ seed: 3, 'model.dropout': 0, 'model.d_ff': 64 }))).toMatchObject({
    seed: 3,
    model: { dropout: 0, d_ff: 64 },
  });
});
