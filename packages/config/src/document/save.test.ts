import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { migrate, modelPresets, ProjectConfig, projectConfig, presetNames, resolvedYaml, type ProjectInput } from '../index.js';
import { scalarText } from './save.js';
import { plain } from '../checks/words.js';

const folder = mkdtempSync(join(tmpdir(), 'mdiff-save-'));
afterAll(() => rmSync(folder, { recursive: true }));

const commented = `# My run
extends: quickstart_scratch   # the small one

experiment_name: "my-run"  # double quotes
seed: \${env:SEED:-7}
# about training
training:
  # rows
  batch_size: 16  # keep
  learning_rate: 2e-3 # peak
mixed_precision: false # alias
generation: {top_k: null, stop: ['a', "b"]} # flow
curriculum:
  stages:
    # first
    - name: one # name
      epochs: 5
      masking_rate_range: [0.1, 0.90]
      data_selection: all
      format_type: pairs
`;

describe('a loaded file', () => {
  const load = (text: string) => ProjectConfig.parse(text, { env: {} });

  it('is written back unchanged when nothing differs', () => {
    expect(load(commented).toYaml()).toBe(commented);
    expect(load('seed: 1').toYaml()).toBe('seed: 1');
  });

  it('keeps comments, order, quotes and ${env:…}, and changes only what differs', () => {
    const changed = load(commented).with({
      training: { batch_size: 8, learning_rate: 0.00001, min_learning_rate: 0, use_mixed_precision: true },
      experiment_name: 'other',
      generation: { top_k: 5 },
      data: { source: 'b: c' },
      curriculum: { stages: [{ ...load(commented).curriculum.stages[0]!, epochs: 6 }] },
    });
    expect(changed.toYaml()).toBe(
      commented
        .replace('"my-run"', '"other"')
        .replace('batch_size: 16', 'batch_size: 8')
        .replace('2e-3', '0.00001')
        .replace('mixed_precision: false', 'mixed_precision: true')
        .replace('top_k: null', 'top_k: 5')
        .replace('{top_k: 5, stop: [\'a\', "b"]}', '{ top_k: 5, stop: [ \'a\', "b" ] }')
        .replace('epochs: 5', 'epochs: 6')
        .replace('[0.1, 0.90]', '[ 0.1, 0.90 ]')
        .replace('quickstart_scratch   #', 'quickstart_scratch #')
        .replace('  # double', ' # double')
        .replace('  # keep', ' # keep') + 'data:\n  source: "b: c"\n',
    );
  });

  it('gives the same configuration when loaded again', () => {
    const base = load(commented);
    const changes: ProjectInput[] = [
      { seed: 8 },
      { training: { batch_size: 1 } },
      { training: { use_mixed_precision: true } },
      { training: { max_grad_norm: 0 } },
      { curriculum: { lexical_weight: 0.4, syntactic_weight: 0.2 } },
      { generation: { stop: ['${env:X}', 'yes', '1', '# no', '\n\t"'], seed: null } },
      { reports: [] },
      { tokenizer: { path: 'a #b' } },
      { model: modelPresets.nano() },
      { curriculum: { stages: ProjectConfig.default().curriculum.stages } },
      { hardware: { cpu_threads: 3 } },
    ];
    for (const change of changes) {
      const changed = base.with(change);
      expect(load(changed.toYaml()), JSON.stringify(change)).toEqual(changed);
    }
  });

  it('takes in what --set, the environment and --preset changed', () => {
    const config = ProjectConfig.parse('seed: 1 # one\n', { preset: 'nano', set: ['training.eps=0.0000001'], env: { MDIFF__SEED: '5' } });
    const text = config.toYaml();
    expect(text.startsWith('seed: 5 # one\n')).toBe(true);
    expect(text).toContain('eps: 0.0000001\n');
    expect(load(text)).toEqual(config);
  });

  it.each(['', '~\n', 'null # nothing yet\n', '# a comment\n---\n'])('takes in a change where the file is empty: %j', (text) => {
    expect(load(load(text).with({ seed: 5 }).toYaml()).seed).toBe(5);
    expect(ProjectConfig.parse(ProjectConfig.parse(text, { env: {}, preset: 'quickstart' }).toYaml(), { env: {} }).model.n_layers).toBe(7);
  });

  it('an alias and its twin go on agreeing', () => {
    const text = 'mixed_precision: false\ntraining: { use_mixed_precision: false }\n';
    const changed = load(text).with({ training: { use_mixed_precision: true } });
    expect(changed.toYaml()).toBe('mixed_precision: true\ntraining: { use_mixed_precision: true }\n');
  });
});

describe('a configuration without a file', () => {
  it('lists every key with origin, type and default, and loads to itself', () => {
    for (const name of presetNames.filter((item) => !item.includes('cpu'))) {
      const config = ProjectConfig.preset(name);
      expect(ProjectConfig.parse(config.toYaml()), name).toEqual(config);
    }
    const text = ProjectConfig.preset('quickstart_scratch').toYaml();
    expect(text).toContain('  learning_rate: 0.0015  # preset project/quickstart_scratch; number > 0 and <= 1; default 0.0002\n');
    expect(text).not.toMatch(/[0-9]e-?[0-9]/);
  });

  it('survives any values', () => {
    const string = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.constantFrom(
        'yes',
        'null',
        '~',
        '12:30',
        '1_000',
        '0x1f',
        '2e-4',
        '- a',
        '# b',
        '${env:A}',
        ': ',
        '012',
        ' ',
        'a\u2028b',
        '\u0085',
        '<<',
        '\ud800',
      ),
    );
    fc.assert(
      fc.property(fc.array(string, { maxLength: 4 }), string, fc.double({ min: 0, max: 1, noNaN: true }), (stop, source, rate) => {
        const config = projectConfig({
          generation: { stop, gamma: rate },
          data: { source: source || 'x' },
          curriculum: { full_range_fraction: rate },
        });
        expect(ProjectConfig.parse(config.toYaml())).toEqual(config);
        expect(ProjectConfig.parse(ProjectConfig.parse('# c\n').with(config).toYaml())).toEqual(config);
      }),
      { seed: 5, numRuns: 60 },
    );
  });

  it('is read alike by YAML 1.1 readers', () => {
    for (const word of ['yes', 'no', 'on', 'off', 'null', '~', '12:30', '1_000', '0o17', '2e-4', 'y', '=', '<<', '2001-01-01']) {
      expect(parseYaml(scalarText(word), { version: '1.1' }), word).toBe(word);
    }
  });
});

describe('saveYaml', () => {
  it('writes the file whole or not at all', () => {
    const path = join(folder, 'out.yaml');
    const config = ProjectConfig.preset('book');
    config.saveYaml(path);
    expect(ProjectConfig.fromYaml(path, { env: {} })).toEqual(config);
    expect(() => config.saveYaml(join(folder, 'no', 'such.yaml'))).toThrow(
      /^cannot write to .*such.yaml: its folder does not exist \(ENOENT\); make the folder, or choose another file$/,
    );
  });

  it("keeps a loaded file's comments", () => {
    const path = join(folder, 'c.yaml');
    writeFileSync(path, commented);
    ProjectConfig.fromYaml(path, { env: { SEED: '9' } })
      .with({ training: { batch_size: 4 } })
      .saveYaml(path);
    const text = readFileSync(path, 'utf8');
    for (const part of ['# My run', 'seed: ${env:SEED:-7}', '  # rows\n  batch_size: 4 # keep', '# first', '# alias'])
      expect(text).toContain(part);
  });
});

it('config.resolved.yaml has every value with its origin, and the facts of the run', () => {
  const config = ProjectConfig.parse('extends: quickstart_scratch\nseed: 3\n', { file: 'my.yaml', set: ['model.n_layers=2'] });
  const text = resolvedYaml(config, { 'tokenizer size': 8000, engine: 'onnxruntime' });
  expect(text.startsWith('# tokenizer size: 8000\n# engine: onnxruntime\n')).toBe(true);
  for (const line of [
    'seed: 3  # my.yaml:2:7\n',
    '  n_layers: 2  # --set\n',
    '  d_model: 256  # preset model/micro\n',
    '  n_heads: 4  # preset model/micro\n',
    '  beta1: 0.9  # default\n',
  ])
    expect(text).toContain(line);
  expect(ProjectConfig.parse(text)).toEqual(config);
});

describe('migrate', () => {
  it('replaces aliases, keeps comments and meaning', () => {
    const text = `# head
mixed_precision: false # mp
data: {complexity_weights: {lexical: 0.2, syntactic: 0.4, centrality: 0.4}}
training: # tr
  grad_clip_norm: 0.5 # clip
  batch_size: 4
gradient_checkpointing: true
`;
    const result = migrate(text);
    expect(result.moved.length).toBe(6);
    expect(result.text).not.toMatch(/grad_clip_norm|complexity_weights|(?<!use_)mixed_precision|(?<!use_)gradient_checkpointing|^data/m);
    for (const part of ['# head', '# mp', '# tr', '# clip']) expect(result.text).toContain(part);
    expect(ProjectConfig.parse(result.text)).toEqual(ProjectConfig.parse(text));
    expect(migrate(result.text)).toEqual({ text: result.text, moved: [] });
  });

  it('drops an alias whose twin says the same, and refuses one that does not', () => {
    expect(migrate('mixed_precision: true\ntraining:\n  use_mixed_precision: true\n').text).toBe(
      'training:\n  use_mixed_precision: true\n',
    );
    expect(() => migrate('mixed_precision: true\ntraining: {use_mixed_precision: false}')).toThrow('expected the value of its alias');
  });
});

it('numbers are plain decimals', () => {
  expect([1e-8, 2e-4, 1.5e-7, 1e21, 12.5, -3e-9, 0, -0, Infinity, NaN].map(plain)).toEqual([
    '0.00000001',
    '0.0002',
    '0.00000015',
    '1000000000000000000000',
    '12.5',
    '-0.000000003',
    '0',
    '0',
    '.inf',
    '.nan',
  ]);
  fc.assert(
    fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (x) => {
      expect(Number(plain(x))).toBe(x === 0 ? 0 : x);
      expect(plain(x)).not.toContain('e');
    }),
    { seed: 6, numRuns: 500 },
  );
});
