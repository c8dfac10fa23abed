import { between, choice, choices, int, num, path, pathOrNull, section } from './kinds.js';

const weight = (value: number, example: number, which: string) =>
  num(between(0, 1), value, example, `see \`curriculum.${which}_weight\``, 'alias of it');

const weights = section('Complexity weights', 'see `curriculum.*_weight`; aliases, key by key', {
  lexical: weight(0.3, 0.2, 'lexical'),
  syntactic: weight(0.3, 0.4, 'syntactic'),
  centrality: weight(0.4, 0.4, 'centrality'),
});

/** Section `data`: the text and how it is cut. */
export const DataConfigSchema = section('Data', 'The text and how it is cut', {
  min_sentence_length: int(
    1,
    65536,
    10,
    5,
    'shorter sentences are not units, alone or in pairs; paragraphs keep them',
    'tokens; follows min(10, `max_sentence_length`) until set',
  ),
  max_sentence_length: int(
    1,
    65536,
    512,
    128,
    'longer sentences are cut at word boundaries',
    'tokens with `[EOS]`; ≤ `model.max_seq_len` (E7); follows min(512, `model.max_seq_len`) until set',
  ),
  sentence_overlap: int(
    0,
    50,
    50,
    0,
    'percent: 50 = stride-1 pairs (1,2),(2,3); 0 = disjoint (1,2),(3,4); between: each in-between pair kept with probability p/50, by `seed`',
  ),
  paragraph_max_sentences: int(1, 1000, 10, 4, 'longer paragraphs are split, also at `max_seq_len`'),
  idf_corpus_size: int(1, 1_000_000_000, 100000, 10000, 'sentences in the document-frequency table: a seeded sample; all if fewer'),
  readability_metrics: choices(
    ['flesch', 'coleman_liau', 'automated_readability'],
    ['flesch', 'coleman_liau', 'automated_readability'],
    ['flesch'],
    'formulas averaged (as ranks, Flesch inverted) into half of the syntactic score',
    '`[]`: syntactic = parse features alone',
  ),
  complexity_weights: weights,
  source: path(
    'builtin:moby-dick',
    'my-book.txt',
    'text to learn: `builtin:moby-dick`, `builtin:sotu`; a file, folder, glob or archive (`.zip`, `.tar`, `.tar.gz`, `.tar.xz`), relative paths first from the current directory, then under `data_dir`; `-` = standard input',
    'builtin texts come from npm packages; absent → S5',
  ),
  val_source: pathOrNull(
    'held-out-books',
    'held-out text of its own, named like `source`: whole books by authors who are not in the training text; null = `training.val_split` of `source`',
    'all of it is held out; `training.val_split` is then not used (W8)',
  ),
  format: choice(
    ['auto', 'text', 'markdown', 'html', 'epub', 'pdf', 'docx'],
    'auto',
    'epub',
    'parser used',
    'auto: by content, then file ending. Project Gutenberg headers and licences are removed in every format',
  ),
});
