import { bool, key, section } from './kinds.js';
import { sampling, type SamplingKey, type SamplingValue } from './sampling.js';

/** A key whose range and default stand in the table of sampling options. */
const option = <K extends SamplingKey>(name: K, example: SamplingValue<K>, does: string, note?: string) =>
  key<SamplingValue<K>>(sampling[name].range, sampling[name].default, example, does, note);

/** Section `generation`: how text is sampled. */
export const GenerationConfigSchema = section('Generation', 'How text is sampled', {
  temperature: option('temperature', 0, 'logits divided by it; 0 = most likely token'),
  top_k: option('top_k', 50, 'keep the k most likely tokens; null = all'),
  top_p: option('top_p', 0.9, 'keep the smallest set with this mass; null = all', 'after `top_k`'),
  num_steps: option('num_steps', 100, 'denoising passes at most', 'clamped to the number of masks (N8)'),
  max_length: option(
    'max_length',
    128,
    'length of the window, prompt and `[EOS]` included',
    '≤ `model.max_seq_len` (E6); follows min(512, `model.max_seq_len`) until set',
  ),
  min_length: option('min_length', 32, '`[EOS]` is not committed before this many tokens', '≤ `max_length` (E15)'),
  num_return_sequences: option('num_return_sequences', 3, 'texts per prompt, in one batch', 'row i uses RNG seed + i'),
  confidence_schedule: option('confidence_schedule', 'cosine', 'how many masks remain after each step'),
  style_strength: option('style_strength', 2, 'ln(strength) added to the logits of style tokens; 1 = none', 'needs `style_tokens` (E13)'),
  interactive_mode: bool(false, '`mdiff generate` opens a prompt loop', 'same as `--interactive`'),
  sampler: option(
    'sampler',
    'ancestral',
    'which masks are committed at each step',
    'first_hitting is exact, ancestral in the limit of many steps, margin and entropy at one token a step; causal is exact and reads only what stands before; the others seek modes',
  ),
  block_length: option('block_length', 32, 'fill block by block, left to right; null = one block', '≤ `max_length` (E15)'),
  threshold: option('threshold', 0.8, 'confidence needed by sampler threshold'),
  gamma: option('gamma', 0.5, 'entropy budget in nats of sampler entropy'),
  early_commit: option(
    'early_commit',
    true,
    'commits everything left when the mean gap of the two top logits reaches 7.5, 5, 2.5 in the first, second, last third of the steps',
    'approximate; not with sampler causal (E14)',
  ),
  remasking: option('remasking', 0.1, 'chance cap for masking a committed token again', 'ancestral only (E14)'),
  repetition_penalty: option(
    'repetition_penalty',
    1.2,
    'ln(penalty) subtracted from logits of tokens already in the window, also those committed earlier in the same step',
  ),
  word_guard: option(
    'word_guard',
    0.3,
    'a token that goes on inside a word is drawn only if it is at least this share as likely as the most likely token, and no word twice in a row; from left to right an unlikely word is drawn again (4.10); 0 = no limit',
    'no effect on the words that the tokenizer has whole',
  ),
  style_tokens: option(
    'style_tokens',
    ['whale', 'sea'],
    'strings favoured by `style_strength`, each encoded with and without a leading space',
  ),
  seed: option('seed', 7, 'RNG of generation; null = top-level `seed` if set, else a random one, which is printed'),
  stop: option('stop', ['\n\n'], 'text is cut before the first of them'),
});
