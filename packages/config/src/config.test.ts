import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  aliases,
  type ConfigError,
  curriculumConfig,
  curriculumPresets,
  diffConfigs,
  explain,
  formatIssue,
  generationPresets,
  leafKeys,
  loadProject,
  modelConfig,
  modelPresets,
  presetNames,
  ProjectConfig,
  projectConfig,
  stageConfig,
  trainingPresets,
} from './index.js';
import { fileURLToPath } from 'node:url';

const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));

describe("the source's examples", () => {
  const config = ProjectConfig.fromYaml('example.yaml', { cwd: fixtures, env: {} });

  it('example.yaml is every default and a name', () => {
    expect(config).toEqual(projectConfig({ experiment_name: 'my-diffusion-model' }));
    expect(JSON.stringify(config)).toBe(JSON.stringify(projectConfig({ experiment_name: 'my-diffusion-model' })));
    expect(config).not.toEqual(ProjectConfig.default());
  });

  it('has the derived values and exactly the warnings of the specification', () => {
    expect([
      config.model.param_count,
      config.model.param_count_exact,
      config.training.effective_batch_size,
      config.training.val_batch_size_actual,
      config.curriculum.total_epochs,
    ]).toEqual([104_189_952, 123_353_856, 32, 32, 300]);
    expect(config.curriculum.stage_names).toEqual(['foundation', 'structural', 'refinement']);
    expect(config.validate().map(formatIssue)).toEqual([
      'example.yaml:14:22 hardware.memory_multiplier: warning: 3 is low: AdamW needs 4 (weights, gradients, two moments); the estimate uses 4',
      'example.yaml:29:15 training.batch_size: warning: estimated 9.36 GB exceeds 7.20 GB usable; the largest batch that fits is 22, for example batch_size 16 with gradient_accumulation_steps 2; see example.yaml:11:16 hardware.max_vram_gb',
      'example.yaml:53:5 curriculum.stages: warning: masking rates 0-0.1, 0.3-0.4, 0.6-0.75, 0.9-1 are never trained, but generation starts at 1; set curriculum.full_range_fraction to 0.1-0.2; see default curriculum.full_range_fraction',
    ]);
  });

  it('the minimal file has no warnings, and defaults follow the model', () => {
    const minimal = ProjectConfig.fromYaml('minimal.yaml', { cwd: fixtures, env: {} });
    expect(minimal.validate()).toEqual([]);
    expect([
      minimal.model.param_count_exact,
      minimal.generation.max_length,
      minimal.data.max_sentence_length,
      minimal.training.max_steps,
    ]).toEqual([9_742_080, 256, 256, null]);
    expect([minimal.experiment_name, minimal.data.source]).toEqual(['my-first-run', 'my-book.txt']);
  });

  it('the TypeScript example', () => {
    const stage = stageConfig({
      name: 'custom_stage',
      epochs: 100,
      masking_rate_range: [0.5, 0.8],
      data_selection: 'medium',
      format_type: 'sentences',
    });
    const custom = projectConfig({
      experiment_name: 'custom_experiment',
      training: trainingPresets.memoryEfficient(),
      curriculum: curriculumConfig({ stages: [stage] }),
      model: modelConfig({ d_model: 512, n_layers: 8, n_heads: 8, d_ff: 1536, vocab_size: 20000 }),
    });
    expect([custom.model.param_count, custom.model.param_count_exact, custom.training.batch_size]).toEqual([37_527_552, 47_751_680, 4]);
    expect(custom.curriculum.stages[0]!.masking_rate_max).toBe(0.8);
  });
});

describe('a resolved record', () => {
  const config = ProjectConfig.preset('quickstart_scratch');

  it('is frozen all the way down', () => {
    const deep = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(deep));
    expect(deep(config)).toBe(true);
    expect(() => {
      (config.model as { d_model: number }).d_model = 1;
    }).toThrow(TypeError);
  });

  it('shows its canonical keys and hides everything else', () => {
    const json = JSON.parse(JSON.stringify(config)) as Record<string, Record<string, unknown>>;
    const found = Object.entries(json).flatMap(([word, value]) =>
      typeof value === 'object' && !Array.isArray(value) ? Object.keys(value).map((inner) => `${word}.${inner}`) : [word],
    );
    const canonical = [...new Set(leafKeys().map((key) => key.replace(/\[\].*/, '')))].filter(
      (key) => key !== 'extends' && !(key in aliases),
    );
    expect(found.sort()).toEqual(canonical.sort());
    for (const hidden of ['param_count', 'validate', 'masking_rate_min', 'with', 'toYaml'])
      expect(JSON.stringify(config)).not.toContain(`"${hidden}"`);
  });

  it('reads aliases as their canonical value', () => {
    expect([config.mixed_precision, config.gradient_checkpointing, config.training.grad_clip_norm]).toEqual([true, false, 1]);
    expect(config.data.complexity_weights).toEqual({ lexical: 0.3, syntactic: 0.3, centrality: 0.4 });
    expect(projectConfig({ mixed_precision: false }).training.use_mixed_precision).toBe(false);
    expect(projectConfig({ data: { complexity_weights: { lexical: 0.2, centrality: 0.5 } } }).curriculum.lexical_weight).toBe(0.2);
  });

  it('is what it was made from: parse(stringify(config)) gives it back', () => {
    for (const name of presetNames.filter((item) => !item.includes('cpu'))) {
      const made = ProjectConfig.preset(name);
      expect(projectConfig(JSON.parse(JSON.stringify(made)) as object), name).toEqual(made);
    }
  });

  it('takes only what was set in a section record, so that defaults still follow', () => {
    expect(projectConfig({ model: modelPresets.nano(), generation: generationPresets.fast() }).generation.max_length).toBe(128);
    expect(projectConfig({ model: modelConfig({ ...modelPresets.nano(), n_layers: 2 }) }).model.n_layers).toBe(2);
  });

  it('changes into another, and leaves itself alone', () => {
    const changed = config.with({ training: { batch_size: 8 } });
    expect([config.training.batch_size, changed.training.batch_size, changed.training.max_steps]).toEqual([16, 8, 1100]);
    expect(() => config.with({ training: { batch_size: 0 } })).toThrow(
      'code training.batch_size: expected an integer >= 1 and <= 65536, got 0',
    );
  });
});

describe('presets', () => {
  it('have the names and bare names of the specification', () => {
    expect([...presetNames].sort()).toEqual(
      [
        'model/tiny_125m',
        'model/small_350m',
        'model/nano',
        'model/micro',
        'tiny_125m',
        'small_350m',
        'nano',
        'micro',
        'training/default',
        'training/memory_efficient',
        'training/fast_debug',
        'training/cpu_quick',
        'training/cpu_hour',
        'memory_efficient',
        'cpu_quick',
        'cpu_hour',
        'curriculum/three_stage',
        'curriculum/single_stage',
        'curriculum/fast_debug',
        'curriculum/quick',
        'curriculum/three_stage_mixed',
        'three_stage',
        'single_stage',
        'three_stage_mixed',
        'generation/creative',
        'generation/conservative',
        'generation/fast',
        'creative',
        'conservative',
        'fast',
        'project/default',
        'project/quickstart',
        'project/quickstart_scratch',
        'project/book',
        'project/book_scratch',
        'project/pretrain',
        'project/fast_debug',
        'default',
        'quickstart',
        'quickstart_scratch',
        'book',
        'book_scratch',
        'pretrain',
        'fast_debug',
      ].sort(),
    );
  });

  it('differ from the defaults in exactly the stated keys', () => {
    const from = (name: string): string[] => diffConfigs(ProjectConfig.default(), ProjectConfig.preset(name));
    expect(from('default')).toEqual([]);
    expect(from('three_stage')).toEqual([]);
    expect(from('training/default')).toEqual([]);
    expect(from('tiny_125m')).toEqual([]);
    expect(from('memory_efficient')).toEqual([
      'training.batch_size: 32 -> 4',
      'training.gradient_accumulation_steps: 1 -> 8',
      'training.keep_checkpoints: 3 -> 2',
      'training.dataloader_num_workers: 4 -> 2',
      'training.pin_memory: true -> false',
    ]);
    expect(from('training/fast_debug')).toEqual([
      'training.warmup_steps: 1000 -> 10',
      'training.batch_size: 32 -> 4',
      'training.max_steps: null -> 50',
      'training.eval_every: 1000 -> 25',
      'training.save_every: 5000 -> 50',
      'training.keep_checkpoints: 3 -> 1',
      'training.log_every: 100 -> 5',
      'training.patience: 10 -> 0',
      'training.use_gradient_checkpointing: true -> false',
      'training.use_mixed_precision: true -> false',
      'training.dataloader_num_workers: 4 -> 0',
      'training.pin_memory: true -> false',
    ]);
    expect(from('quickstart_scratch').filter((line) => line.startsWith('training.'))).toEqual([
      'training.learning_rate: 0.0002 -> 0.0015',
      'training.min_learning_rate: 0.00002 -> 0',
      'training.warmup_steps: 1000 -> 50',
      'training.scheduler: cosine_with_restarts -> wsd',
      'training.batch_size: 32 -> 16',
      'training.max_steps: null -> 1100',
      'training.eval_every: 1000 -> 100',
      'training.save_every: 5000 -> 200',
      'training.keep_checkpoints: 3 -> 2',
      'training.log_every: 100 -> 20',
      'training.patience: 10 -> 0',
      'training.use_gradient_checkpointing: true -> false',
      'training.dataloader_num_workers: 4 -> 0',
      'training.pin_memory: true -> false',
      'training.mask_sampling: bernoulli -> exact_count',
      'training.causal_fraction: 0 -> 0.33',
      'training.wsd_decay_fraction: 0.6 -> 0.55',
    ]);
    expect(from('quickstart_scratch').filter((line) => !/^(training|model|curriculum)\./.test(line))).toEqual([
      'device: cuda -> auto',
      'tokenizer.type: gpt2_compressed -> bpe',
      'data.max_sentence_length: 512 -> 128',
      'generation.top_p: null -> 0.9',
      'generation.max_length: 512 -> 128',
      'generation.sampler: confidence -> first_hitting',
      'generation.block_length: null -> 1',
      'generation.word_guard: 0 -> 1',
    ]);
    expect(diffConfigs(ProjectConfig.preset('quickstart_scratch'), ProjectConfig.preset('quickstart'))).toEqual([
      'model.n_layers: 4 -> 7',
      'model.max_seq_len: 128 -> 256',
      'model.init_from: null -> base-en',
      'data.max_sentence_length: 128 -> 256',
      'training.learning_rate: 0.0015 -> 0.0005',
      'training.warmup_steps: 50 -> 20',
      'training.batch_size: 16 -> 8',
      'training.max_steps: 1100 -> null',
      'training.max_minutes: null -> 4',
      'training.on_max_steps: scale -> truncate',
      'training.save_every: 200 -> 100',
      'training.causal_fraction: 0.33 -> 0.3',
      'training.causal_order: first -> throughout',
      'training.wsd_decay_fraction: 0.55 -> 0.6',
      'generation.max_length: 128 -> 256',
    ]);
    expect(diffConfigs(ProjectConfig.preset('quickstart'), ProjectConfig.preset('book'))).toEqual([
      'curriculum.stages[0].epochs: 20 -> 4',
      'training.learning_rate: 0.0005 -> 0.00025',
      'training.max_minutes: 4 -> 30',
      'training.eval_every: 100 -> 250',
      'training.save_every: 100 -> 250',
    ]);
    expect(diffConfigs(ProjectConfig.preset('quickstart_scratch'), ProjectConfig.preset('book_scratch'))).toEqual([
      'model.n_layers: 4 -> 6',
      'model.dropout: 0 -> 0.1',
      'training.warmup_steps: 50 -> 100',
      'training.max_steps: 1100 -> 5000',
      'training.eval_every: 100 -> 500',
      'training.save_every: 200 -> 1000',
      'training.log_every: 20 -> 50',
      'training.causal_fraction: 0.33 -> 0.1',
    ]);
    expect(from('creative')).toEqual([
      'generation.temperature: 0.8 -> 1',
      'generation.top_p: null -> 0.9',
      'generation.num_steps: 50 -> 100',
    ]);
    expect(from('conservative')).toEqual([
      'generation.temperature: 0.8 -> 0.6',
      'generation.top_k: null -> 50',
      'generation.num_steps: 50 -> 30',
    ]);
    expect(from('fast')).toEqual(['generation.temperature: 0.8 -> 0.7', 'generation.num_steps: 50 -> 20']);
  });

  it('curricula', () => {
    const plans = Object.fromEntries(Object.entries(curriculumPresets).map(([name, make]) => [name, make()]));
    const plan = (name: string) =>
      plans[name]!.stages.map((stage) =>
        [stage.name, stage.epochs, ...stage.masking_rate_range, stage.data_selection, stage.format_type].join(' '),
      );
    expect(plan('threeStage')).toEqual([
      'foundation 50 0.75 0.9 easy sentences',
      'structural 100 0.4 0.6 medium pairs',
      'refinement 150 0.1 0.3 all paragraphs',
    ]);
    expect(plan('singleStage')).toEqual(['baseline 300 0.1 0.9 all sentences']);
    expect(plan('fastDebug')).toEqual(['debug_foundation 2 0.75 0.9 easy sentences', 'debug_refinement 3 0.1 0.3 all paragraphs']);
    expect(plan('quick')).toEqual(['text 20 0.05 0.5 all paragraphs']);
    expect(plans.quick).toMatchObject({ full_range_fraction: 0.2, transition_epochs: 0, embedding_model: 'tfidf-svd' });
    expect(plans.threeStageMixed).toMatchObject({
      full_range_fraction: 0.2,
      transition_epochs: 5,
      embedding_model: 'tfidf-svd',
      stages: plans.threeStage!.stages,
    });
    expect(plans.fastDebug!.transition_epochs).toBe(0);
  });

  it('an unknown one is refused with the nearest name', () => {
    expect(() => ProjectConfig.preset('quikstart')).toThrow(
      'code extends: expected a preset name or a file path, got "quikstart"; did you mean "quickstart"?',
    );
  });
});

describe('explain', () => {
  it('says value, origin, what it hides, type and meaning', () => {
    const { config } = loadProject({ preset: 'quickstart_scratch', set: ['training.batch_size=8'], env: {}, cwd: fixtures });
    expect(explain(config, 'training.batch_size')).toBe(
      'training.batch_size = 8 (--set); over 16 (preset training/cpu_quick), 32 (default); integer >= 1 and <= 65536; rows per forward pass on one worker',
    );
    expect(explain(config, 'training.beta1')).toBe('training.beta1 = 0.9 (default); number >= 0 and < 1; Adam first-moment decay');
    expect(explain(config, 'mixed_precision')).toBe(
      'training.use_mixed_precision = true (preset project/quickstart_scratch); over false (preset training/cpu_quick), true (default); mixed_precision is an alias of it; true or false; 16-bit matrix products where the engine has them',
    );
    expect(explain(config, 'curriculum.stages[0].epochs')).toBe(
      "curriculum.stages[0].epochs = 20 (preset curriculum/quick); integer >= 1 and <= 1000000; passes over the stage's units",
    );
  });

  it('has a line for every key, and one error for any other', () => {
    const config = ProjectConfig.default();
    for (const key of leafKeys().filter((name) => name !== 'extends')) expect(explain(config, key.replace('[]', '[0]'))).toContain(' = ');
    for (const key of ['__proto__', 'constructor', 'model', 'training.batch_siez', 'curriculum.stages[9].epochs'])
      expect(() => explain(config, key), key).toThrow(/expected/);
    expect(() => explain(config, 'training.batch_siez')).toThrow('did you mean "training.batch_size"?');
  });
});

it('a ConfigError prints at most 100 lines', () => {
  const text = Array.from({ length: 130 }, (_, i) => `zz${i}zzzzzzzzzzz: 1`).join('\n');
  let error: ConfigError | undefined;
  try {
    ProjectConfig.parse(text);
  } catch (caught) {
    error = caught as ConfigError;
  }
  expect([error!.issues.length, error!.message.split('\n').length, error!.message.split('\n').at(-1)]).toEqual([130, 101, '… and 30 more']);
  expect(readFileSync(`${fixtures}example.yaml`, 'utf8')).toContain('my-diffusion-model');
});
