import { describe, expect, it } from 'vitest';
import {
  difficultyBand,
  effectiveBatchSize,
  estimateMemory,
  fitBatch,
  isHeldOut,
  layerBytes,
  modelConfig,
  modelPresets,
  paramCount,
  paramCountExact,
  ProjectConfig,
  projectConfig,
  pseudoDataCount,
  startup,
  curriculumConfig,
  trainingPresets,
  valBatchSizeActual,
  trainingConfig,
  totalEpochs,
  stageNames,
  type ModelInput,
} from '../index.js';

describe('parameters (4.1)', () => {
  it.each<[keyof typeof modelPresets, number, number, number]>([
    ['tiny125m', 104_189_952, 123_353_856, 104_153_856],
    ['small350m', 328_130_560, 353_633_280, 328_033_280],
    ['nano', 1_317_888, 1_319_168, 1_843_456],
    ['micro', 6_849_536, 6_852_608, 8_949_760],
  ])('%s', (name, formula, exact, other) => {
    const model = modelPresets[name]();
    expect([model.param_count, paramCount(model)]).toEqual([formula, formula]);
    expect([model.param_count_exact, paramCountExact(model)]).toEqual([exact, exact]);
    expect(modelConfig({ ...model, tie_embeddings: !model.tie_embeddings }).param_count_exact).toBe(other);
  });

  it.each<[string, ModelInput, number, number]>([
    ['default', {}, 123_353_856, 104_153_856],
    ['gelu', { activation: 'gelu' }, 104_479_488, 85_279_488],
    ['layernorm, biases, learned positions', { norm_type: 'layernorm', use_bias: true, pos_encoding: 'learned' }, 123_861_504, 104_661_504],
    ['512 wide', { d_model: 512, n_layers: 8, n_heads: 8, d_ff: 1536, vocab_size: 20000 }, 47_751_680, 37_511_680],
  ])('exact count: %s', (_name, input, untied, tied) => {
    expect(paramCountExact(modelConfig(input))).toBe(untied);
    expect(paramCountExact(modelConfig({ ...input, tie_embeddings: true }))).toBe(tied);
  });

  it('the formula of the 512 wide model', () => {
    expect(modelConfig({ d_model: 512, n_layers: 8, n_heads: 8, d_ff: 1536, vocab_size: 20000 }).param_count).toBe(37_527_552);
  });
});

// The specification prints two decimals of a gigabyte (three significant digits for the small presets).
const gb = (bytes: number, digits = 2): string => (bytes / 1e9).toFixed(digits);

describe('memory (4.2)', () => {
  it('terms of the default model', () => {
    const config = ProjectConfig.default();
    const memory = estimateMemory(config);
    expect([gb(memory.weights), gb(memory.gradients), gb(memory.moments), gb(memory.state)]).toEqual(['0.49', '0.49', '0.99', '1.97']);
    expect((layerBytes(config.model) / 1e6).toFixed(1)).toBe('58.2');
    expect([gb(memory.activations), gb(memory.logits), gb(memory.total), gb(memory.usable)]).toEqual(['2.47', '4.92', '9.36', '7.20']);
    const unchecked = estimateMemory(config.with({ training: { use_gradient_checkpointing: false } }));
    expect([gb(unchecked.activations), gb(unchecked.total)]).toEqual(['22.35', '29.24']);
  });

  it.each([
    ['tiny125m', 'default', 2, ['1.97', '22.35', '2.47', '4.92', '9.36'], 22, [16, 2]],
    ['tiny125m', 'memoryEfficient', 2, ['1.97', '2.79', '0.31', '0.61', '2.90'], 22, 'fits'],
    ['small350m', 'default', 2, ['5.66', '59.59', '4.09', '4.92', '14.67'], 5, [4, 8]],
    ['small350m', 'memoryEfficient', 2, ['5.66', '7.45', '0.51', '0.61', '6.78'], 5, 'fits'],
    ['nano', 'cpuQuick', 3, ['0.021', '0.092', '0.027', '0.101', '0.214'], 595, 'fits'],
    ['micro', 'cpuQuick', 3, ['0.110', '0.277', '0.059', '0.201', '0.588'], 237, 'fits'],
  ] as const)('%s with %s', (model, training, digits, figures, largest, suggestion) => {
    const config = projectConfig({ model: modelPresets[model](), training: trainingPresets[training]() });
    const other = config.with({ training: { use_gradient_checkpointing: !config.training.use_gradient_checkpointing } });
    const [own, twin] = [estimateMemory(config), estimateMemory(other)];
    const [full, checked] = config.training.use_gradient_checkpointing ? [twin, own] : [own, twin];
    expect([own.state, full.activations, checked.activations, own.logits, own.total].map((bytes) => gb(bytes, digits))).toEqual([
      ...figures,
    ]);
    const fit = fitBatch(config);
    expect(fit.largest).toBe(largest);
    if (suggestion === 'fits') expect(fit.fits).toBe(true);
    else expect([fit.fits, fit.batch_size, fit.gradient_accumulation_steps]).toEqual([false, ...suggestion]);
  });

  it("takes an engine's factors on the state and on activations and logits, and its base", () => {
    const config = ProjectConfig.default();
    const plain = estimateMemory(config);
    const measured = estimateMemory(config, { activationFactor: 2, stateFactor: 3, baseBytes: 1e9 });
    // Sums of doubles of 10¹⁰: a byte is far above their rounding.
    expect(measured.total).toBeCloseTo(3 * plain.state + 2 * (plain.activations + plain.logits) + 1e9, -1);
  });

  it('counts a fifth copy of the parameters with EMA', () => {
    const memory = estimateMemory(ProjectConfig.default().with({ training: { ema_decay: 0.99 } }));
    expect([memory.needed, memory.state]).toEqual([5, 5 * memory.weights]);
  });

  it('the memory of the machine or its container counts where it is less than the budget', () => {
    const config = ProjectConfig.default();
    expect(estimateMemory(config, { limitBytes: 4e9 }).usable).toBeCloseTo(3.6e9, 0);
    expect(estimateMemory(config, { limitBytes: 64e9 }).usable).toBe(estimateMemory(config).usable);
    expect(startup.batchTooLarge(config, { limitBytes: 4e9 })!.message).toMatch(
      /fits 3\.60 GB.*this machine or its container has 4\.00 GB; /,
    );
  });

  it('says so when nothing fits', () => {
    expect(fitBatch(ProjectConfig.default().with({ hardware: { max_vram_gb: 1 } }))).toMatchObject({
      fits: false,
      largest: 0,
      batch_size: 0,
    });
  });
});

describe('batches and epochs (4.3)', () => {
  it('effective and validation batch', () => {
    const training = trainingConfig({ batch_size: 4, gradient_accumulation_steps: 8 });
    expect([training.effective_batch_size, effectiveBatchSize(training), effectiveBatchSize(training, 3)]).toEqual([32, 32, 96]);
    expect([training.val_batch_size_actual, valBatchSizeActual(trainingConfig({ val_batch_size: 7 }))]).toEqual([4, 7]);
  });

  it('stages by epoch and by name', () => {
    const { curriculum } = ProjectConfig.default();
    expect([curriculum.total_epochs, totalEpochs(curriculum)]).toEqual([300, 300]);
    expect(curriculum.stage_names).toEqual(['foundation', 'structural', 'refinement']);
    expect(stageNames(curriculum)).toEqual(curriculum.stage_names);
    const names = [0, 49, 50, 149, 150, 299].map((epoch) => curriculum.getStageByEpoch(epoch).name);
    expect(names).toEqual(['foundation', 'foundation', 'structural', 'structural', 'refinement', 'refinement']);
    for (const epoch of [-1, 300, 1.5, NaN, Infinity]) expect(() => curriculum.getStageByEpoch(epoch)).toThrow(RangeError);
    const stage = curriculum.getStageByName('structural');
    expect([stage.masking_rate_min, stage.masking_rate_max]).toEqual([0.4, 0.6]);
    expect(() => curriculum.getStageByName('no')).toThrow('expected one of "foundation", "structural", "refinement", got "no"');
  });

  it('holds out every tenth document at 0.1, evenly at any share', () => {
    const held = (share: number, n: number): number[] => Array.from({ length: n }, (_, i) => i + 1).filter((k) => isHeldOut(k, share));
    expect(held(0.1, 40)).toEqual([10, 20, 30, 40]);
    expect(held(0, 40)).toEqual([]);
    for (const share of [0.05, 0.3, 0.7, 0.9]) expect(held(share, 1000).length).toBe(Math.round(1000 * share));
  });
});

describe('bands and pseudo-data (4.5, 4.6)', () => {
  it.each([
    [1000, [330, 340, 330]],
    [3200, [1056, 1088, 1056]],
    [7, [3, 2, 2]],
  ] as const)('n = %d', (n, counts) => {
    const bands = Array.from({ length: n }, (_, r) => difficultyBand(curriculumConfig(), r, n));
    expect(['easy', 'medium', 'hard'].map((band) => bands.filter((item) => item === band).length)).toEqual([...counts]);
  });

  it('the smaller of cap and share, in curricula of three or more stages', () => {
    const three = curriculumConfig();
    expect([300, 400, 5000].map((real) => pseudoDataCount(three, real))).toEqual([75, 100, 100]);
    expect(pseudoDataCount(curriculumConfig({ stages: three.stages.slice(0, 2) }), 5000)).toBe(0);
  });
});
