import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, ProjectConfig, projectConfig } from '../index.js';

function message(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'no error';
}
const parse = (text: string): string => message(() => ProjectConfig.parse(text, { file: 'c.yaml' }));
const mega = 1024 * 1024;

const bomb = [
  'a: &a [x, x, x, x, x, x, x, x, x]',
  ...'bcdefghi'.split('').map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(', ')}]`),
].join('\n');

describe('hostile text is refused with one line', () => {
  it.each([
    ['alias bomb', bomb, 'c.yaml:4:16 (yaml): expected at most 20 aliases'],
    ['21 aliases', `a: &a 1\nb: [${'*a, '.repeat(21)}]`, 'c.yaml:2:85 (yaml): expected at most 20 aliases'],
    ['unknown alias', 'seed: *none', 'c.yaml:1:7 (yaml): expected an alias of an anchor above it, got "*none"'],
    ['alias of itself', 'generation: &g\n  stop: [*g]', 'c.yaml:1:1 (yaml): expected at most 20 aliases'],
    ['open nest', '['.repeat(20_000), 'c.yaml:1:73 (yaml): expected at most 64 levels'],
    // Near the end of the stack this one ends the process (a regular expression cannot be compiled), so it must never reach the composer.
    ['closed nest', '['.repeat(5000) + ']'.repeat(5000), 'c.yaml:1:73 (yaml): expected at most 64 levels'],
    ['block nest', '- '.repeat(20_000), 'c.yaml:1:144 (yaml): expected at most 64 levels'],
    ['65 levels', `${'['.repeat(65)}${']'.repeat(65)}`, 'c.yaml:1:65 (yaml): expected at most 64 levels'],
    ['more than 1 MiB', `# ${'x'.repeat(mega)}`, 'c.yaml:1:1 (yaml): expected at most 1 MiB'],
    ['more than 1 MiB in UTF-8', `# ${'€'.repeat(400_000)}`, 'c.yaml:1:1 (yaml): expected at most 1 MiB'],
    [
      'a flood of keys',
      Array.from({ length: 90_000 }, (_, i) => `k${i}: 1`).join('\n'),
      'c.yaml:7143:8 (yaml): expected at most 50000 tokens',
    ],
    ['merge key', 'model: &m {d_model: 12}\ntraining: {<<: *m}', 'c.yaml:2:12 (yaml): expected no merge keys, got "<<"; use extends'],
    [
      'duplicate keys',
      'seed: 1\nseed: 2\n"seed": 3',
      'c.yaml:2:1 (yaml): expected each key once in a map, got a second "seed"\nc.yaml:3:1 (yaml): expected each key once in a map, got a second "seed"',
    ],
    ['tag', 'seed: !!js/function "function(){}"', 'c.yaml:1:21 (yaml): expected no tags, got "tag:yaml.org,2002:js/function"'],
    ['known tag', 'seed: !!str 3', 'c.yaml:1:13 (yaml): expected no tags, got "tag:yaml.org,2002:str"'],
    ['YAML 1.1', '%YAML 1.1\n---\npin: yes', 'c.yaml:1:1 (yaml): expected YAML 1.2, got %YAML 1.1'],
    ['two documents', 'seed: 1\n---\nseed: 2', 'c.yaml:2:1 (yaml): expected one document, got more'],
    ['number as key', '1: 2', 'c.yaml:1:1 (yaml): expected string keys, got 1'],
    ['map as key', '? {a: 1}\n: 2', 'c.yaml:1:3 (yaml): expected string keys, got another node'],
    [
      'syntax',
      'model: {d_model: 1',
      'c.yaml:1:19 (yaml): expected valid YAML, got the end of the line; Flow map in block collection must be sufficiently indented and end with a }',
    ],
    ['NaN', 'model: {dropout: .nan}', 'c.yaml:1:18 model.dropout: expected a number >= 0 and < 1, got .nan'],
    ['infinity', 'training: {learning_rate: .inf}', 'c.yaml:1:27 training.learning_rate: expected a number > 0 and <= 1, got .inf'],
    ['beyond doubles', 'seed: 1e400', 'c.yaml:1:7 seed: expected an integer >= 0 and <= 4294967295, got .inf'],
    ['beyond integers', `seed: ${'9'.repeat(60)}`, `c.yaml:1:7 seed: expected an integer >= 0 and <= 4294967295, got 1${'0'.repeat(60)}`],
    [
      'a path as name',
      'experiment_name: ../../../etc/cron.d',
      'c.yaml:1:18 experiment_name: expected a name of 1-64 letters, digits, ".", "_" or "-", starting with a letter or digit, got "../../../etc/cron.d"',
    ],
  ])('%s', (_name, text, expected) => expect(parse(text)).toBe(expected));

  it.each(['..', '.', '.hidden', 'a/b', 'a\\b', 'a b', '-rf', 'a\n', '', 'ä', 'a'.repeat(65), 'C:', '~', 'a\0'])(
    'experiment_name %j',
    (name) => {
      expect(message(() => projectConfig({ experiment_name: name }))).toContain('code experiment_name: expected a name');
    },
  );
});

describe('prototypes', () => {
  it.each(['__proto__', 'constructor', 'prototype'])('%s is refused anywhere in YAML', (word) => {
    for (const text of [
      `${word}: {x: 1}`,
      `model: {${word}: 1}`,
      `"${word}": 1`,
      `curriculum: {stages: [{${word}: 1}]}`,
      `? ${word}\n: 1`,
    ]) {
      expect(parse(text), text).toContain(`expected a safe key, got "${word}"`);
    }
  });

  it('values from JSON cannot reach them either', () => {
    expect(
      message(() => projectConfig(JSON.parse('{"__proto__": {"seed": 1}, "model": {"constructor": {"prototype": {"x": 1}}}}') as object)),
    ).toContain('expected a known key');
    expect(({} as { seed?: number }).seed).toBeUndefined();
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it('a name that every object has is not a key', () => {
    for (const word of ['toString', 'hasOwnProperty', 'valueOf']) expect(parse(`${word}: 1`)).toContain('expected a known key');
  });
});

describe('time', () => {
  // Milliseconds of the processor: ten times what these take on a slow machine; without the guards they take from seconds to for ever.
  const limit = 3000;
  it.each([
    ['a pattern that would backtrack', `experiment_name: ${'a'.repeat(mega - 100)}!`],
    ['a million digits', `seed: ${'9'.repeat(mega - 100)}`],
    ['anchors', '&a '.repeat(300_000)],
    ['comments', '#\n'.repeat(500_000)],
    ['new lines in quotes', `seed: "${'\n'.repeat(500_000)}"`],
    ['a plain scalar over many lines', `seed: ${'b\n  '.repeat(200_000)}`],
    ['errors', 'a: ]\n'.repeat(100_000)],
    ['documents', '---\n'.repeat(250_000)],
    ['directives', '%A\n'.repeat(300_000)],
    ['a long list', `generation:\n  stop: [${'a,'.repeat(24_000)}]`],
    ['12,000 unknown keys', Array.from({ length: 12_000 }, (_, i) => `k${i}:`).join('\n')],
    ['stages', `curriculum:\n  stages: [${'{a: 1},'.repeat(5000)}]`],
    ['an error in an alias, repeated', `model: &m [${'x,'.repeat(20_000)}]\ngeneration: {stop: [${'*m,'.repeat(20)}]}`],
  ])('%s', (_name, text) => {
    const before = process.cpuUsage();
    expect(parse(text)).toMatch(/expected/);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(limit);
  });
});

describe('files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mdiff-safety-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const load = (name: string, content: Uint8Array | string): string => {
    writeFileSync(join(folder, name), content);
    return message(() => ProjectConfig.fromYaml(name, { cwd: folder, env: {} }));
  };

  it('10 MB', () => expect(load('big.yaml', `seed: 1\n${'#'.repeat(10_000_000)}`)).toBe('big.yaml:1:1 (yaml): expected at most 1 MiB'));
  it('not UTF-8', () =>
    expect(load('latin.yaml', Uint8Array.from([0x73, 0xff, 0xfe]))).toBe('latin.yaml (yaml): expected UTF-8 text, got "latin.yaml"'));
  it('a folder', () =>
    expect(message(() => ProjectConfig.fromYaml('.', { cwd: folder, env: {} }))).toBe('. (yaml): expected a readable file, got "."'));
  it('a byte order mark is no fault', () => expect(load('bom.yaml', '\uFEFFseed: 1\n')).toBe('no error'));
  it('an endless device is read no further than the limit', () => {
    expect(message(() => ProjectConfig.fromYaml('/dev/zero', { env: {} }))).toBe('/dev/zero:1:1 (yaml): expected at most 1 MiB');
  });
});
