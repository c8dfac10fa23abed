import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, explain, isSetIn, loadProject, ProjectConfig } from '../index.js';

const folder = mkdtempSync(join(tmpdir(), 'mdiff-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
/** A fresh folder with these files. */
function files(texts: Record<string, string>): string {
  const cwd = join(folder, String((count += 1)));
  mkdirSync(cwd);
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), text);
  }
  return cwd;
}

function message(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'no error';
}

describe('order', () => {
  it('default < preset < extends < file < environment < --set < overrides', () => {
    const cwd = files({
      'base.yaml': 'seed: 3\ntraining: {batch_size: 3, log_every: 3, eval_every: 3}\n',
      'mdiff.yaml': 'extends: ./base.yaml\ntraining: {log_every: 4, eval_every: 4, save_every: 4}\n',
    });
    const { config, source } = loadProject({
      cwd,
      preset: 'quickstart_scratch',
      env: { MDIFF__TRAINING__EVAL_EVERY: '5', MDIFF__TRAINING__SAVE_EVERY: '5', OTHER: 'x' },
      set: ['training.save_every=6', 'model.n_layers=7'],
      overrides: { model: { n_layers: 8 } },
    });
    const { training } = config;
    expect([
      training.beta1,
      training.warmup_steps,
      training.batch_size,
      training.log_every,
      training.eval_every,
      training.save_every,
      config.model.n_layers,
    ]).toEqual([0.9, 50, 3, 4, 5, 6, 8]);
    expect(source).toBe('mdiff.yaml over preset quickstart_scratch');
    expect(explain(config, 'training.save_every')).toContain(
      '= 6 (--set); over 5 (env MDIFF__TRAINING__SAVE_EVERY), 4 (mdiff.yaml:2:53), 200 (preset training/cpu_quick), 5000 (default)',
    );
    expect(explain(config, 'training.batch_size')).toContain('= 3 (base.yaml:2:24); over 16 (preset training/cpu_quick), 32 (default)');
    expect(explain(config, 'model.n_layers')).toContain('= 8 (model folder); over 7 (--set)');
  });

  it('without a file: the preset, or quickstart with a line saying so', () => {
    const cwd = files({});
    expect(loadProject({ cwd, env: {} })).toMatchObject({
      source: 'no mdiff.yaml here: using preset quickstart',
      warnings: [],
      config: { training: { max_minutes: 4 } },
    });
    expect(loadProject({ cwd, env: {}, preset: 'book' }).source).toBe('preset book');
    expect(loadProject({ cwd: files({ 'mdiff.yaml': 'seed: 9' }), env: {} })).toMatchObject({
      source: 'mdiff.yaml',
      config: { seed: 9, training: { max_steps: null } },
    });
  });

  it('extends: left to right, nested, relative to the file that names it', () => {
    const cwd = files({
      'a/one.yaml': 'extends: [../two.yaml, nano]\nseed: 1\n',
      'two.yaml': 'seed: 2\nmodel: {n_layers: 9, dropout: 0.3}\ngeneration: {gamma: 0.7}\n',
      'my.yaml': 'extends: a/one.yaml\n',
    });
    const config = ProjectConfig.fromYaml('my.yaml', { cwd, env: {} });
    expect([config.seed, config.model.n_layers, config.model.d_model, config.generation.gamma]).toEqual([1, 4, 128, 0.7]);
    expect(explain(config, 'seed')).toContain('(a/one.yaml:2:7); over 2 (two.yaml:1:7), 42 (default)');
  });

  it('a list replaces a list, a map is merged, an empty section means no keys', () => {
    const stage = '{name: a, epochs: 1, masking_rate_range: [0.1, 1], data_selection: all, format_type: pairs}';
    const config = ProjectConfig.parse(
      `extends: quickstart\ncurriculum: {stages: [${stage}, ${stage.replace('a,', 'b,')}]}\ntraining:\nmodel: {n_layers: 2}\n`,
    );
    expect([config.curriculum.stage_names, config.curriculum.full_range_fraction, config.model.d_model]).toEqual([['a', 'b'], 0.2, 256]);
    expect(ProjectConfig.parse('')).toEqual(ProjectConfig.default());
    expect(ProjectConfig.parse('# nothing\n')).toEqual(ProjectConfig.default());
  });

  it('an alias below and its twin above do not conflict', () => {
    expect(ProjectConfig.parse('mixed_precision: false', { set: ['training.use_mixed_precision=true'] }).mixed_precision).toBe(true);
    expect(message(() => ProjectConfig.parse('', { set: ['training.use_mixed_precision=true', 'mixed_precision=false'] }))).toBe(
      '--set training.use_mixed_precision: expected the value of its alias mixed_precision (false), got true; see --set mixed_precision',
    );
  });

  it('a model folder stands just above the defaults', () => {
    const config = ProjectConfig.parse('generation: {num_steps: 9}', {
      base: { generation: { num_steps: 5, temperature: 0.5 } },
      preset: 'fast',
    });
    expect([config.generation.num_steps, config.generation.temperature]).toEqual([9, 0.7]);
  });

  it('knows what was set', () => {
    const config = ProjectConfig.parse('device: cuda');
    expect([isSetIn(config, 'device'), isSetIn(config, 'seed'), isSetIn(config, 'constructor')]).toEqual([true, false, false]);
  });
});

describe('extends that fails', () => {
  it.each([
    [{ 'c.yaml': 'extends: c.yaml' }, 'c.yaml:1:10 extends: expected no cycle, got c.yaml -> c.yaml'],
    [
      { 'c.yaml': 'extends: [b.yaml]', 'b.yaml': 'extends: ./x/../c.yaml' },
      'b.yaml:1:10 extends: expected no cycle, got c.yaml -> b.yaml -> c.yaml',
    ],
    [{ 'c.yaml': 'extends: [nano, none.yaml]' }, 'c.yaml:1:17 extends[1]: expected a readable file, got "none.yaml"'],
    [{ 'c.yaml': 'extends: ./sub', 'sub/x.yaml': '' }, 'c.yaml:1:10 extends: expected a readable file, got "sub"'],
    [
      { 'c.yaml': 'extends: 3' },
      'c.yaml:1:10 extends: expected a string or a list or null, got 3; to give it as text, write it in quotes: "3"',
    ],
    [{ 'c.yaml': 'extends: [nano, 3]' }, 'c.yaml:1:17 extends[1]: expected a string, got 3; to give it as text, write it in quotes: "3"'],
    [{ 'c.yaml': `extends: [${'nano, '.repeat(17)}]` }, 'c.yaml:1:10 extends: expected a list of at most 16, got a list of 17'],
    [
      { 'c.yaml': 'extends: b.yaml\nseed: x', 'b.yaml': 'model:\n  d_model: wide' },
      'b.yaml:2:12 model.d_model: expected an integer >= 2 and <= 16384, got "wide"\nc.yaml:2:7 seed: expected an integer >= 0 and <= 4294967295, got "x"',
    ],
    [
      Object.fromEntries(Array.from({ length: 10 }, (_, i) => [i === 0 ? 'c.yaml' : `c${i}.yaml`, `extends: c${i + 1}.yaml`])),
      'c7.yaml:1:10 extends: expected a chain of at most 8 files, got "c8.yaml"',
    ],
  ])('%j', (texts, expected) =>
    expect(message(() => ProjectConfig.fromYaml('c.yaml', { cwd: files(texts as Record<string, string>), env: {} }))).toBe(expected),
  );

  it('cross-field errors point into both files', () => {
    const cwd = files({ 'base.yaml': 'model:\n  max_seq_len: 64\n', 'my.yaml': 'extends: base.yaml\ngeneration: {max_length: 100}\n' });
    expect(message(() => ProjectConfig.fromYaml('my.yaml', { cwd, env: {} }))).toBe(
      'my.yaml:2:26 generation.max_length: expected an integer <= model.max_seq_len (64), got 100; see base.yaml:2:16 model.max_seq_len',
    );
  });

  it('files cannot be read from a text without a reader', () => {
    expect(message(() => ProjectConfig.parse('extends: ./a.yaml'))).toContain('expected a preset name');
  });
});

describe('the environment', () => {
  const parse = (env: Record<string, string>, text = '') => ProjectConfig.parse(text, { env });

  it('is typed by the schema', () => {
    const config = parse({
      MDIFF__EXPERIMENT_NAME: '123',
      MDIFF__TRAINING__MAX_STEPS: 'null',
      MDIFF__GENERATION__STOP: '["a", "b"]',
      MDIFF__TOKENIZER__PATH: 'null',
      MDIFF__MODEL__USE_BIAS: 'true',
      MDIFF__HARDWARE: '{max_vram_gb: 16}',
    });
    expect([
      config.experiment_name,
      config.training.max_steps,
      config.generation.stop,
      config.tokenizer.path,
      config.model.use_bias,
      config.hardware.max_vram_gb,
    ]).toEqual(['123', null, ['a', 'b'], null, true, 16]);
  });

  it.each([
    [
      { MDIFF__TRAINING__BATCH_SIZE: '0' },
      'env MDIFF__TRAINING__BATCH_SIZE training.batch_size: expected an integer >= 1 and <= 65536, got 0',
    ],
    [
      { MDIFF__TRAINING__BATCH_SIEZ: '1' },
      'env MDIFF__TRAINING__BATCH_SIEZ training.batch_siez: expected a known key, got "MDIFF__TRAINING__BATCH_SIEZ"; did you mean "batch_size"?',
    ],
    [
      { MDIFF__EXTENDS: 'nano' },
      'env MDIFF__EXTENDS extends: expected a key that is one value, got "extends"; use --preset, or extends in a file',
    ],
    [{ MDIFF____PROTO__: '1' }, 'env MDIFF____PROTO__ .proto.: expected a known key, got "MDIFF____PROTO__"'],
    [
      { MDIFF__MODEL__CONSTRUCTOR: '1' },
      'env MDIFF__MODEL__CONSTRUCTOR model.constructor: expected a known key, got "MDIFF__MODEL__CONSTRUCTOR"',
    ],
    [{ MDIFF__SEED: '[1' }, 'env MDIFF__SEED seed: expected valid YAML, got the end of the line; Flow sequence must end with a ]'],
    [{ MDIFF__SEED: '!!int 3' }, 'env MDIFF__SEED seed: expected no tags, got "tag:yaml.org,2002:int"'],
    [{ MDIFF__MODEL: '{__proto__: {d_model: 1}}' }, 'env MDIFF__MODEL model: expected a safe key, got "__proto__"'],
    [{ MDIFF__SEED: '' }, 'env MDIFF__SEED seed: expected an integer >= 0 and <= 4294967295, got null'],
    [{ MDIFF__SEED: 'yes' }, 'env MDIFF__SEED seed: expected an integer >= 0 and <= 4294967295, got "yes"'],
  ])('%j', (env, expected) =>
    expect(message(() => parse(env as unknown as Record<string, string>)).split('; did you mean "seed"')[0]).toBe(expected),
  );
});

describe('--set', () => {
  const parse = (...set: string[]) => ProjectConfig.parse('extends: quickstart', { set });

  it('is typed by the schema; strings are taken as they are', () => {
    const config = parse(
      'generation.top_k=null',
      'data.source=a=b #c',
      'experiment_name=007',
      'training.learning_rate=2e-4',
      'model.tie_embeddings=false',
      'reports=[]',
      'generation.style_tokens=[sea, whale]',
    );
    expect([
      config.generation.top_k,
      config.data.source,
      config.experiment_name,
      config.training.learning_rate,
      config.model.tie_embeddings,
      config.reports,
      config.generation.style_tokens,
    ]).toEqual([null, 'a=b #c', '007', 0.0002, false, [], ['sea', 'whale']]);
  });

  it('reaches into stages, and each part keeps its place', () => {
    const config = ProjectConfig.parse('extends: three_stage_mixed', {
      file: 'c.yaml',
      set: [
        'curriculum.stages[0].epochs=3',
        'curriculum.stages[2].masking_rate_range=[0.2, 0.4]',
        'curriculum.stages[1].masking_rate_range[1]=0.7',
      ],
    });
    expect(config.curriculum.stages.map((stage) => [stage.epochs, ...stage.masking_rate_range])).toEqual([
      [3, 0.75, 0.9],
      [100, 0.4, 0.7],
      [150, 0.2, 0.4],
    ]);
    expect(explain(config, 'curriculum.stages[0].epochs')).toContain('= 3 (--set)');
    expect(explain(config, 'curriculum.stages[1].epochs')).toContain('= 100 (c.yaml:1:10)');
  });

  it.each([
    ['training.batch_size', '--set (argument): expected key.path=value, got "training.batch_size"'],
    ['=3', '--set (argument): expected key.path=value, got "=3"'],
    ['a..b=3', '--set (argument): expected key.path=value, got "a..b=3"'],
    ['batch_size=3', '--set batch_size: expected a known key, got "batch_size"; did you mean "training.batch_size"?'],
    ['extends=nano', '--set extends: expected a key that is one value, got "extends"; use --preset, or extends in a file'],
    ['__proto__.x=1', '--set __proto__.x: expected a known key, got "__proto__"'],
    ['model.constructor.prototype.x=1', '--set model.constructor.prototype.x: expected a known key, got "constructor"'],
    ['curriculum.stages[7].epochs=1', '--set curriculum.stages[7].epochs: expected an index of 0 to 0, got 7'],
    ['curriculum.stages[0].epochs=0', '--set curriculum.stages[0].epochs: expected an integer >= 1 and <= 1000000, got 0'],
    [
      'curriculum.stages[0].masking_rate_range=[0.9, 0.1]',
      '--set curriculum.stages[0].masking_rate_range: expected [min, max] with min <= max, got [0.9, 0.1]',
    ],
    ['training.batch_size=&a 1', 'no error'],
    ['training.batch_size=!!js/function x', '--set training.batch_size: expected no tags, got "tag:yaml.org,2002:js/function"'],
    ['training.max_steps=1\n---\n2', '--set training.max_steps: expected one document, got more'],
    ['model.dropout=.nan', '--set model.dropout: expected a number >= 0 and < 1, got .nan'],
    ['generation.seed=-1', '--set generation.seed: expected an integer >= 0 and <= 4294967295 or null, got -1'],
  ])('%s', (set, expected) => expect(message(() => parse(set))).toBe(expected));
});

describe('${env:…}', () => {
  it('is replaced in string scalars and typed as for --set', () => {
    const text =
      'experiment_name: "run-${env:RUN}"\nseed: ${env:SEED:-7}\ntraining: {max_steps: "${env:STEPS:-null}", batch_size: "${env:B}"}\ngeneration: {stop: ["$${env:X}", "${env:RUN}"]}\n';
    const config = ProjectConfig.parse(text, { env: { RUN: '1', B: '8' } });
    expect([config.experiment_name, config.seed, config.training.max_steps, config.training.batch_size, config.generation.stop]).toEqual([
      'run-1',
      7,
      null,
      8,
      ['${env:X}', '1'],
    ]);
  });

  it('is not expanded again, and nothing else is an expression', () => {
    expect(
      ProjectConfig.parse('generation: {stop: ["${env:A}", "${HOME}", "${file:/etc/passwd}"]}', { env: { A: '${env:B}', B: 'x' } })
        .generation.stop,
    ).toEqual(['${env:B}', '${HOME}', '${file:/etc/passwd}']);
  });

  it('points at the scalar when the variable is missing or wrong', () => {
    expect(message(() => ProjectConfig.parse('seed: ${env:SEED}\nmodel: {d_model: "${env:D}"}', { env: { D: 'wide' } }))).toBe(
      'config.yaml:1:7 seed: expected environment variable SEED to be set, got nothing\nconfig.yaml:2:18 model.d_model: expected an integer >= 2 and <= 16384, got "wide"',
    );
    expect(message(() => ProjectConfig.parse('seed: ${env:constructor}', { env: {} }))).toContain(
      'expected environment variable constructor to be set',
    );
  });
});

it('names --preset only if it was given', () => {
  const set = ['generation.gamma=0.5'];
  const [given, unnamed] = [loadProject({ cwd: folder, preset: 'quickstart', set, env: {} }), loadProject({ cwd: folder, set, env: {} })];
  expect(given.warnings[0]!.see).toBe('--preset generation.sampler');
  expect(unnamed.warnings[0]!.see).toBe('preset quickstart generation.sampler');
});

it('strict turns warnings into errors', () => {
  expect(message(() => loadProject({ cwd: folder, preset: 'quickstart', set: ['generation.gamma=0.5'], strict: true, env: {} }))).toBe(
    '--set generation.gamma: not used while generation.sampler is "first_hitting"; see --preset generation.sampler',
  );
  expect(loadProject({ cwd: folder, preset: 'quickstart', strict: true, env: {} }).warnings).toEqual([]);
});

it('a missing file is one line', () => {
  expect(message(() => loadProject({ cwd: folder, file: 'none.yaml', env: {} }))).toBe(
    'none.yaml (yaml): expected a readable file, got "none.yaml"',
  );
});
