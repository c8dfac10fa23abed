import { above, between, bool, choice, int, intOrNull, num, numOrNull, section, strings } from './kinds.js';

/** Section `generation`: how text is sampled. */
export const GenerationConfigSchema = section('Generation', 'How text is sampled', {
  temperature: num(between(0, 10), 0.8, 0, 'logits divided by it; 0 = most likely token'),
  top_k: intOrNull(1, 1048576, 50, 'keep the k most likely tokens; null = all'),
  top_p: numOrNull(above(0, 1), 0.9, 'keep the smallest set with this mass; null = all', 'after `top_k`'),
  num_steps: int(1, 65536, 50, 100, 'denoising passes at most', 'clamped to the number of masks (N8)'),
  max_length: int(
    1,
    65536,
    512,
    128,
    'length of the window, prompt and `[EOS]` included',
    '≤ `model.max_seq_len` (E6); follows min(512, `model.max_seq_len`) until set',
  ),
  min_length: int(0, 65536, 0, 32, '`[EOS]` is not committed before this many tokens', '≤ `max_length` (E15)'),
  num_return_sequences: int(1, 256, 1, 3, 'texts per prompt, in one batch', 'row i uses RNG seed + i'),
  confidence_schedule: choice(['linear', 'cosine', 'constant'], 'linear', 'cosine', 'how many masks remain after each step'),
  style_strength: num(above(0, 100), 1, 2, 'ln(strength) added to the logits of style tokens; 1 = none', 'needs `style_tokens` (E13)'),
  interactive_mode: bool(false, '`mdiff generate` opens a prompt loop', 'same as `--interactive`'),
  sampler: choice(
    ['ancestral', 'first_hitting', 'confidence', 'margin', 'entropy', 'threshold'],
    'confidence',
    'ancestral',
    'which masks are committed at each step',
    'ancestral, first_hitting are exact; the others seek modes',
  ),
  block_length: intOrNull(1, 65536, 32, 'fill block by block, left to right; null = one block', '≤ `max_length` (E15)'),
  threshold: num(above(0, 1), 0.9, 0.8, 'confidence needed by sampler threshold'),
  gamma: num(between(0, 100), 0.1, 0.5, 'entropy budget in nats of sampler entropy'),
  early_commit: bool(
    false,
    'commits everything left when the mean gap of the two top logits reaches 7.5, 5, 2.5 in the first, second, last third of the steps',
    'approximate',
  ),
  remasking: num(between(0, 1), 0, 0.1, 'chance cap for masking a committed token again', 'ancestral only (E14)'),
  repetition_penalty: num(
    between(1, 10),
    1,
    1.2,
    'ln(penalty) subtracted from logits of tokens already in the window, also those committed earlier in the same step',
  ),
  style_tokens: strings(256, ['whale', 'sea'], 'strings favoured by `style_strength`, each encoded with and without a leading space'),
  seed: intOrNull(0, 4294967295, 7, 'RNG of generation; null = top-level `seed`'),
  stop: strings(16, ['\n\n'], 'text is cut before the first of them'),
});
