import { ConfigError, ProjectConfig, valuesByKey } from '@mdiff/config';
import { describe, expect, it } from 'vitest';
import { armGroups, arms, armsNamed } from './arms.js';

const preset = ProjectConfig.preset('quickstart_scratch');

/** The keys in which an arm differs from the recipe. */
function changed(arm: string, config = preset): string[] {
  const [recipe, other] = ['recipe', arm].map((name) => valuesByKey(config.with(arms[name]!.changes(config))));
  return Object.keys(other!)
    .filter((key) => JSON.stringify(other![key]) !== JSON.stringify(recipe![key]))
    .sort();
}

describe('the arms', () => {
  it('are all a configuration that a run takes, from presets of other shapes too', () => {
    for (const name of ['quickstart_scratch', 'nano', 'pretrain', 'fast_debug'] as const)
      for (const [arm, { changes }] of Object.entries(arms)) {
        const config = ProjectConfig.preset(name);
        expect(() => config.with(changes(config)), `${name}, ${arm}`).not.toThrow(ConfigError);
      }
  });

  it('the recipe is that of quickstart_scratch', () => {
    const asked = valuesByKey(preset);
    const recipe = valuesByKey(preset.with(arms['recipe']!.changes(preset)));
    const differing = Object.keys(asked).filter((key) => JSON.stringify(asked[key]) !== JSON.stringify(recipe[key]));
    // Epochs, which a comparison replaces by steps, and nothing else.
    expect(differing).toEqual(['curriculum.stages']);
  });

  it('each of the others changes what it says and nothing else', () => {
    expect(Object.fromEntries([...armGroups['ablation']!, ...armGroups['variants']!].map((arm) => [arm, changed(arm)]))).toEqual({
      recipe: [],
      'no-convolution': ['model.conv_width'],
      'no-shift': ['model.shift_head', 'training.causal_fraction'],
      'no-next-token': ['training.causal_fraction'],
      'wide-masks': ['curriculum.full_range_fraction', 'curriculum.stages'],
      'half-vocabulary': ['model.vocab_size'],
      'high-masks-first': ['curriculum.stages'],
      ema: ['training.ema_decay'],
      'positions-64': expect.arrayContaining(['model.max_seq_len', 'training.batch_size']) as string[],
      'positions-256': ['model.max_seq_len', 'training.batch_size'],
      'whole-range': ['curriculum.stages', 'training.causal_fraction'],
      complementary: ['curriculum.stages', 'training.batch_size', 'training.causal_fraction', 'training.complementary_masks'],
      untied: ['model.tie_embeddings'],
    });
    const { model, training } = preset;
    for (const arm of ['positions-64', 'positions-256']) {
      const other = preset.with(arms[arm]!.changes(preset));
      expect(other.training.batch_size * other.model.max_seq_len).toBe(training.batch_size * model.max_seq_len);
    }
  });

  it('a group stands for its arms, each once', () => {
    expect(armsNamed(['single', 'ablation', 'variants']).slice(0, 3)).toEqual(['single', 'recipe', 'no-convolution']);
    expect(armsNamed(['all'])).toEqual(Object.keys(arms));
    expect(armsNamed(['singel'])).toEqual(['singel']);
  });
});
