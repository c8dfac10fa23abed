import { choice, pathOrNull, section } from './kinds.js';

/** Section `tokenizer`: how text becomes ids. The size is `model.vocab_size`; there is no second key for it. */
export const TokenizerConfigSchema = section('Tokenizer', 'How text becomes ids', {
  type: choice(
    ['bpe', 'gpt2_compressed'],
    'gpt2_compressed',
    'bpe',
    'vocabulary: byte-level BPE learnt from the training split; or the GPT-2 vocabulary cut to the most frequent tokens, all 256 byte tokens and the merge ancestors of every kept token kept',
    'bpe codes a single book better, so the small presets use it',
  ),
  path: pathOrNull('tokenizer.json', 'load this tokenizer instead of building one', 'its size ≤ `model.vocab_size` (S3)'),
});
