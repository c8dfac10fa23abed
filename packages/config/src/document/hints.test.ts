// Mistakes that people make, for every key of the kind, in a file, in --set and in the environment.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, explain, overridden, ProjectConfig, validateHere } from '../index.js';
import { canonicalKeys, dotted, leafKeys, nodeAt, segments, type Node } from '../sections/keys.js';
import { isPath } from './paths.js';

const nodeOf = (key: string): Node => nodeAt(segments(key.replace('[]', '[0]'))!)!;
const typesOf = (key: string): unknown[] => [nodeOf(key).type].flat();
const leaves = leafKeys();
const texts = leaves.filter((key) => typesOf(key).includes('string') && nodeOf(key).enum === undefined);
const paths = leaves.filter((key) => isPath(nodeOf(key)));

/** A file with one value, written as it is. */
function file(key: string, value: string): string {
  const parts = key.split('.');
  const [stages, word] = [parts.indexOf('stages[]'), parts.at(-1)!];
  if (stages < 0)
    return `${parts.slice(0, -1).join(': {')}${parts.length > 1 ? ': {' : ''}${word}: ${value}${'}'.repeat(parts.length - 1)}`;
  const rest = { epochs: 1, masking_rate_range: '[0, 1]', data_selection: 'all', format_type: 'pairs' };
  const others = Object.entries(rest).map(([name, item]) => `${name}: ${item}`);
  return `curriculum: {stages: [{${word}: ${value}, ${others.join(', ')}}]}`;
}

function issues(text: string, options: Parameters<typeof ProjectConfig.parse>[1] = {}): string {
  try {
    ProjectConfig.parse(text, options);
    return '';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}

it('the kinds are not empty', () => {
  expect(texts).toEqual(expect.arrayContaining(['extends', 'experiment_name', 'data.source', 'curriculum.stages[].name']));
  expect(paths.length).toBe(9);
  expect(paths).not.toContain('experiment_name');
});

describe.each(texts)('a text that YAML reads as something else: %s', (key) => {
  it.each(['1984', '007', '0x7C0', '1e3', '1.50', 'true', 'False', ...(typesOf(key).includes('null') ? [] : ['null', 'Null'])])(
    '%s',
    (value) => expect(issues(file(key, value))).toContain(`; to give it as text, write it in quotes: "${value}"`),
  );

  it('and in quotes, or where YAML 1.2 reads text, nothing is said', () => {
    for (const value of ['"1984"', "'true'", '2024-01-01', 'yes', 'off', '1_000'])
      expect(issues(file(key, value))).not.toMatch(/quotes|expected a string|expected a name/);
  });

  it('no value, and a lone ~', () => {
    if (typesOf(key).includes('null')) return;
    expect(issues(file(key, ''))).toContain(', got null; write a value after it, or remove the key');
    expect(issues(file(key, '~'))).toContain(', got null; a lone ~ is null in YAML; write ~/ for your home folder');
  });
});

it('texts in lists', () => {
  expect(issues('generation: {stop: [1984]}')).toContain('to give it as text, write it in quotes: "1984"');
  expect(issues('extends: [007]')).toContain('to give it as text, write it in quotes: "007"');
});

it('a text that would be no name has no hint', () => {
  expect(issues('experiment_name: -1')).toBe(
    'config.yaml:1:18 experiment_name: expected a name of 1-64 letters, digits, ".", "_" or "-", starting with a letter or digit, got -1',
  );
});

const single = texts.filter((key) => key !== 'extends' && !key.includes('[]'));
describe.each(single)('--set and the environment take text as it is: %s', (key) => {
  it.each(['1984', 'true', '2024-01-01', '~x'])('%s', (value) => {
    if (nodeOf(key).pattern !== undefined && !new RegExp(nodeOf(key).pattern!).test(value)) return;
    expect(issues('', { set: [`${key}=${value}`] })).not.toContain(key);
  });

  it('quotes would become a part of it', () => {
    const variable = `MDIFF__${key.toUpperCase().replaceAll('.', '__')}`;
    for (const value of ['"1984"', "'a b'"]) {
      const expected = `${key}: expected a text without quotes around it, got ${JSON.stringify(value)}; text is taken as it is here`;
      expect(issues('', { set: [`${key}=${value}`] })).toBe(`--set ${expected}`);
      expect(issues('', { env: { [variable]: value } })).toBe(`env ${variable} ${expected}`);
    }
  });
});

describe.each(paths.filter((key) => key !== 'extends'))('%s', (key) => {
  const value = (config: ProjectConfig): unknown =>
    segments(key)!.reduce<unknown>((node, part) => (node as Record<string, unknown>)[part], config);

  it('expands ~/ in a file, in --set, in the environment and in code', () => {
    const [section, word] = key.includes('.') ? (key.split('.') as [string, string]) : [undefined, key];
    const variable = `MDIFF__${key.toUpperCase().replaceAll('.', '__')}`;
    const made = [
      ProjectConfig.parse(file(key, '~/a b')),
      ProjectConfig.parse('', { set: [`${key}=~/a b`] }),
      ProjectConfig.parse('', { env: { [variable]: '~/a b' } }),
      ProjectConfig.parse('', { overrides: section ? { [section]: { [word]: '~/a b' } } : { [word]: '~/a b' } }),
    ];
    for (const config of made) expect(value(config)).toBe(join(homedir(), 'a b'));
    expect(value(ProjectConfig.parse(file(key, './~/a')))).toBe('./~/a');
    expect(value(ProjectConfig.parse(file(key, '~x/a')))).toBe('~x/a');
    // A saved file keeps what was written, and its record reads back as the same configuration.
    expect(made[0]!.toYaml()).toContain('~/a b');
    expect(value(made[0]!.with({ seed: 7 }))).toBe(join(homedir(), 'a b'));
    expect(made[0]!.with({ seed: 7 }).toYaml()).toContain('~/a b');
  });

  it('refuses a variable that only a shell expands', () => {
    for (const text of ['$HOME/a', '${HOME}/a', '$HOME'])
      expect(issues('', { set: [`${key}=${text}`] })).toBe(
        `--set ${key}: expected a path, got "${text}"; write ~/… for your home folder, or \${env:NAME}/… in a file`,
      );
    expect(issues(file(key, '"$HOME/a"'))).toContain(`${key}: expected a path, got "$HOME/a"; write ~/…`);
    expect(issues(file(key, '"./$HOME/a"'))).not.toContain('expected a path');
  });
});

it('extends expands ~/', () => {
  const asked: string[] = [];
  const read = (name: string) => (asked.push(name), { text: 'seed: 7' });
  expect(ProjectConfig.parse('extends: ~/base.yaml', { read }).seed).toBe(7);
  expect(ProjectConfig.parse('extends: [~/base]', { read }).seed).toBe(7);
  expect(asked).toEqual([join(homedir(), 'base.yaml'), join(homedir(), 'base')]);
});

describe('variables with the wrong underscores', () => {
  const keys = leaves.filter((key) => key !== 'extends' && !key.includes('[]'));
  it.each(keys)('%s', (key) => {
    const right = `MDIFF__${key.toUpperCase().replaceAll('.', '__')}`;
    const single = right.replaceAll('__', '_');
    const env = { [single]: 'x' };
    const config = ProjectConfig.parse('extends: quickstart', { env });
    const line = { code: 'W11', severity: 'warning', where: `env ${single}`, message: `not read: the name of this variable is ${right}` };
    expect(config.validate()).toEqual([expect.objectContaining(line)]);
    expect(validateHere(config, undefined)).toEqual([expect.objectContaining(line)]);
    // The first prefix is right and the rest is not: the name is an error already.
    if (key.includes('.')) expect(issues('', { env: { [`MDIFF_${single.slice(5)}`]: '1' } })).toContain(`; did you mean ${right}?`);
  });

  it('names the right one, beside other warnings, and leaves other variables alone', () => {
    expect(issues('', { env: { MDIFF__TRAINING_MAX_STEPS: '1' } })).toContain('did you mean MDIFF__TRAINING__MAX_STEPS?');
    const env = { MDIFF_SEED: '1', MDIFF_TEST_SEED: '1', MDIFF_LAUNCHED: '1' };
    const codes = ProjectConfig.parse('extends: quickstart\ngeneration: {gamma: 0.2}', { env })
      .validate()
      .map(({ code }) => code);
    expect(codes.sort()).toEqual(['W11', 'W8']);
    expect(issues('seed: x', { env })).not.toContain('MDIFF_SEED');
  });
});

describe('dotted keys in a file', () => {
  it.each(canonicalKeys.filter((key) => key.includes('.')))('%s', (key) => {
    const parts = key.split('.');
    const nested = `${parts.slice(0, -1).join(': {')}: {${parts.at(-1)}: …}`;
    expect(issues(`${key}: 1`)).toBe(
      `config.yaml:1:1 ${key}: expected a known key, got ${JSON.stringify(key.length > 40 ? `${key.slice(0, 40)}…` : key)}; a file nests its keys: write ${nested}`,
    );
    expect(issues(`${parts[0]}: {${key}: 1}`)).toContain(`did you mean "${dotted(parts.slice(1))}"?`);
    expect(issues(`generation: {${key}: 1}`)).toContain(
      key.startsWith('generation.') ? 'did you mean' : `write ${nested} at the top level`,
    );
  });

  it('a near one, an alias, a list item, and one that is nothing', () => {
    expect(issues('model.n_layer: 4')).toContain('; a file nests its keys: write model: {n_layers: …}');
    expect(issues('data.complexity_weights.lexical: 1')).toContain('write data: {complexity_weights: {lexical: …}}');
    expect(issues('data: {complexity_weights.lexical: 1}')).toContain('write complexity_weights: {lexical: …}');
    expect(issues('curriculum.stages[0].epochs: 1')).toContain('; a file gives a list as a whole; --set changes one item of it');
    expect(issues('nothing.of.this: 1')).toBe('config.yaml:1:1 nothing.of.this: expected a known key, got "nothing.of.this"');
  });
});

describe('origins', () => {
  const given = {
    set: ['seed=1', { flag: '[book]', set: 'data.source=b.txt' }, { flag: '--seed', set: 'generation.seed=3' }],
    file: 'm.yaml',
  };
  it('name the flag that was given', () => {
    const config = ProjectConfig.parse('data: {source: a.txt}', { ...given, env: { MDIFF__TRAINING__MAX_STEPS: '5' } });
    for (const [key, origin] of [
      ['seed', '1 (--set)'],
      ['data.source', 'b.txt ([book]); over a.txt (m.yaml:1:16)'],
      ['generation.seed', '3 (--seed)'],
      ['training.max_steps', '5 (env MDIFF__TRAINING__MAX_STEPS)'],
    ] as const)
      expect(explain(config, key)).toContain(`${key} = ${origin}`);
    expect(overridden(config, 'data.source')).toEqual({ value: 'a.txt', origin: 'm.yaml:1:16' });
    expect(overridden(config, 'seed')).toBeUndefined();
    expect(overridden(ProjectConfig.parse('data: {source: b.txt}', given), 'data.source')).toBeUndefined();
  });
});
