import { readFolder } from '@mdiff/folder/node';
import { describe, expect, it } from 'vitest';
import { fixture } from './fixture.test.util.js';
import { settings } from './settings.js';

const folder = await readFolder(fixture);

describe('settings', () => {
  it('warns of sampler causal for a model that was fine-tuned without next-token steps', () => {
    const warningsOf = (causal_share: number, sampler: string): readonly string[] =>
      settings({ ...folder, config: { ...folder.config, causal_share } }, [`generation.sampler=${sampler}`], {}).warnings;
    expect(warningsOf(0, 'causal')).toEqual([expect.stringMatching(/^generation\.sampler: warning: this model was fine-tuned without/)]);
    expect([...warningsOf(0.5, 'causal'), ...warningsOf(0, 'margin')]).toEqual([]);
  });

  it('layers defaults, the folder, the environment and --set', () => {
    const bare = settings({ ...folder, generation: {} }, [], {});
    expect(bare.sampling).toMatchObject({ temperature: 0.8, maxLength: 32, n: 1, seed: null, stop: [] });
    const edited = { ...folder, generation: { temperature: 0.1, num_steps: 3, top_k: 7 } };
    const { sampling } = settings(edited, ['generation.top_k=null', 'generation.stop=[".", "!"]', 'seed=5'], {
      MDIFF__GENERATION__NUM_STEPS: '4',
      MDIFF__GENERATION__TOP_K: '2',
    });
    expect(sampling).toMatchObject({ temperature: 0.1, numSteps: 4, topK: null, stop: ['.', '!'], seed: 5 });
  });

  it('holds every option, under its own name', () => {
    const set = {
      temperature: 0.5,
      top_k: 3,
      top_p: 0.9,
      num_steps: 7,
      max_length: 20,
      min_length: 2,
      num_return_sequences: 2,
      confidence_schedule: 'cosine',
      style_strength: 2,
      sampler: 'ancestral',
      block_length: 4,
      threshold: 0.8,
      gamma: 0.2,
      early_commit: true,
      remasking: 0.1,
      repetition_penalty: 1.5,
      word_guard: 0.3,
      style_tokens: ['sea'],
      seed: 9,
      stop: ['x'],
    };
    const { sampling } = settings(
      folder,
      Object.entries(set).map(([key, value]) => `generation.${key}=${JSON.stringify(value).replace(/^"(.*)"$/, '$1')}`),
      {},
    );
    expect(sampling).toEqual({
      temperature: 0.5,
      topK: 3,
      topP: 0.9,
      numSteps: 7,
      maxLength: 20,
      minLength: 2,
      n: 2,
      confidenceSchedule: 'cosine',
      styleStrength: 2,
      sampler: 'ancestral',
      blockLength: 4,
      threshold: 0.8,
      gamma: 0.2,
      earlyCommit: true,
      remasking: 0.1,
      repetitionPenalty: 1.5,
      wordGuard: 0.3,
      styleTokens: ['sea'],
      seed: 9,
      stop: ['x'],
    });
  });

  it('lets a value of the folder give way to one that the user sets', () => {
    const edited = { ...folder, generation: { block_length: 4, min_length: 6, remasking: 0.2, sampler: 'ancestral' as const } };
    const read = (set: Parameters<typeof settings>[1], env = {}) => settings(edited, set, env).sampling;
    expect(read(['generation.max_length=3'])).toMatchObject({ maxLength: 3, blockLength: 3, minLength: 3 });
    expect(read([{ flag: '--max-length', set: 'generation.max_length=3' }])).toMatchObject({ blockLength: 3 });
    expect(read([], { MDIFF__GENERATION__MAX_LENGTH: '3' })).toMatchObject({ blockLength: 3 });
    expect(read(['generation.sampler=margin'])).toMatchObject({ remasking: 0 });
    expect(() => read(['generation.max_length=3', 'generation.block_length=4'])).toThrow('generation.block_length');
  });

  it('reports mistakes as configuration errors do, and keys that a finished model has no use for', () => {
    const message = (...set: string[]) => {
      try {
        settings(folder, set, {});
      } catch (error) {
        return (error as Error).message;
      }
      return 'no error';
    };
    expect(message('generation.temprature=1')).toBe(
      '--set generation.temprature: expected a known key, got "temprature"; did you mean "temperature"?',
    );
    expect(message('generation.max_length=64')).toContain(
      '--set generation.max_length: expected an integer <= model.max_seq_len (32), got 64',
    );
    expect(message('model.d_model=4')).toBe(
      '--set: expected a key of "generation" or "seed" (the model folder fixes the rest), got "model.d_model"',
    );
    expect(message('seed=3')).toBe('no error');
  });

  it('warns of a key set for nothing, but not of what the folder happens to list', () => {
    expect(settings(folder, [], {}).warnings).toEqual([]);
    expect(settings(folder, ['generation.gamma=2'], {}).warnings).toEqual([
      expect.stringMatching(/^--set generation\.gamma: warning: not used while generation\.sampler is "confidence"/) as string,
    ]);
  });
});
