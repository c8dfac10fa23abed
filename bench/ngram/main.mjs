// n-gram baselines on exactly the tokens and bytes that training evaluates: the same split, tokenizer, units and [EOS].
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadProject } from '@mdiff/config';
import { makeUnits } from '@mdiff/curriculum';
import { prepare } from '@mdiff/prepare';
import { Tokenizer, holdOut } from '@mdiff/text';
import { loadSource, trainBpe } from '@mdiff/text/node';
import { failure, optionsOf, text, whole } from '../shared/options.mjs';
import { writeResult } from '../shared/results.mjs';
import { logProbabilities, trainNgram } from './kneser.ts';
import { chooseShare, mixed } from './mixture.ts';

const options = optionsOf({
  name: 'ngram',
  about: 'Unigram to n-gram baselines (interpolated modified Kneser–Ney) on the held-out text of a configuration.',
  options: {
    config: { kind: text('file'), help: 'the configuration' },
    preset: { kind: text('name'), help: 'a preset below it (default: quickstart_scratch)' },
    set: { kind: text('key=value'), many: true, help: 'a setting over it; may be repeated' },
    order: { kind: whole(1, 9), default: 5, help: 'the longest n-gram' },
    corpus: {
      kind: text('folder'),
      help: 'also count a base corpus (under 5 GB of memory and seven minutes for 200 MB of text); needs --tokenizer',
    },
    tokenizer: { kind: text('model folder'), help: 'cut both texts with the tokenizer of this model instead of one learnt from the book' },
  },
});
if (options.corpus !== undefined && options.tokenizer === undefined)
  throw failure('--corpus needs --tokenizer <model folder>: counts of two texts compare only in the same tokens', 'MDIFF_USAGE', 2);

const { config } = loadProject({
  file: options.config ?? false,
  preset: options.preset ?? (options.config === undefined ? 'quickstart_scratch' : undefined),
  set: options.set,
});
const { data, curriculum, model, training } = config;
const { documents, name } = await loadSource(data.source, { dataDir: config.data_dir });
const split = holdOut(documents, training.val_split);
const read = split.train.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text));
const { tokenizer, reached } =
  options.tokenizer === undefined ? await trainBpe(read, { vocabSize: model.vocab_size }) : await tokenizerOf(options.tokenizer);
// Training evaluates units of the format it ends with.
const format = curriculum.stages.at(-1).format_type;
const unitOptions = { format, data, maxSlot: model.max_seq_len, shiftHead: model.shift_head, seed: config.seed };
const [train, heldOut] = [split.train, split.heldOut].map((sections) => makeUnits(sections, tokenizer, unitOptions));

const { bos, eos } = tokenizer.special;
const withEnd = (units) => units.map(({ tokens }) => [...tokens, eos]);
const bytes = heldOut.reduce((sum, unit) => sum + unit.bytes, 0);
const trainTokens = train.reduce((sum, unit) => sum + unit.tokens.length + 1, 0);
const learnt = withEnd(train);
const asked = withEnd(heldOut);

console.log(
  `${name}: ${trainTokens} training tokens in ${train.length} ${format}; ${reached} tokens of vocabulary; held out ${split.heldOut.length} ${split.unit}, ${heldOut.length} ${format}, ${bytes} bytes`,
);
// [MASK], [PAD], [BOS] and [SEP] are never predicted; every other id can be.
const sizes = { bos, vocabSize: reached, outcomes: reached - 4 };
const costOf = (logs) => {
  const nats = logs.reduce((sum, log) => sum - log, 0);
  return { nats_per_token: nats / logs.length, bits_per_byte: nats / bytes / Math.LN2 };
};
const show = (name, { nats_per_token, bits_per_byte }, began) => {
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    `${name.padStart(24)}  ${nats_per_token.toFixed(4).padStart(10)}  ${bits_per_byte.toFixed(4).padStart(9)}  ${seconds.padStart(7)}`,
  );
};

console.log(`${'counts'.padStart(24)}  nats/token  bits/byte  seconds`);
const rows = [];
for (let order = 1; order <= options.order; order++) {
  const began = performance.now();
  const logs = logProbabilities(trainNgram(learnt, { ...sizes, order }), asked, bos);
  rows.push({ order, ...costOf(logs), tokens: logs.length, bytes });
  show(`${order}-gram of the book`, rows.at(-1), began);
}
const withCorpus = options.corpus === undefined ? undefined : await corpusRows();
writeResult(
  options.corpus === undefined ? 'ngram' : 'ngram-corpus',
  {
    source: data.source,
    format,
    vocab_size: reached,
    train_tokens: trainTokens,
    max_seq_len: model.max_seq_len,
    models: rows,
    ...(withCorpus && { with_corpus: withCorpus }),
  },
  2,
);

/** The tokenizer of a model folder. `reached` counts its ids. */
async function tokenizerOf(folder) {
  const tokenizer = Tokenizer.fromJson(await readFile(join(folder, 'tokenizer.json'), 'utf8'));
  return { tokenizer, reached: tokenizer.vocabSize };
}

/** Costs with the counts of the base corpus: alone, of both texts counted as one, and both models mixed. */
async function corpusRows() {
  const order = options.order;
  const { config: shelf } = loadProject({
    file: false,
    preset: 'pretrain',
    set: [`data.source=${options.corpus}`, 'training.val_split=0', `model.init_from=${options.tokenizer}`, `cache_dir=${config.cache_dir}`],
  });
  const silent = { phase: () => {}, progress: () => {}, note: (line) => console.log(line.trim()) };
  const { unitsPerStage } = await prepare(shelf, silent);
  const store = unitsPerStage.at(-1);
  const every = function* () {
    for (let place = 0; place < store.lengths.length; place++) yield [...store.unit(place).tokens, eos];
  };
  const result = [];
  const add = (name, logs, began, more = {}) => {
    result.push({ name, order, ...costOf(logs), ...more });
    show(name, result.at(-1), began);
  };
  let began = performance.now();
  const base = trainNgram(every(), { ...sizes, order });
  const logs = logProbabilities(base, asked, bos);
  add('corpus', logs, began, { tokens: store.tokens });
  // The share is fitted on a tenth of the book's own training units, which the book's part of the mixture has not counted then.
  began = performance.now();
  const aside = learnt.filter((_, i) => i % 10 === 0);
  const rest = trainNgram(
    learnt.filter((_, i) => i % 10 !== 0),
    { ...sizes, order },
  );
  const share = chooseShare(logProbabilities(rest, aside, bos), logProbabilities(base, aside, bos));
  const book = trainNgram(learnt, { ...sizes, order });
  add('corpus and book, mixed', mixed(logProbabilities(book, asked, bos), logs, share), began, { share_of_book: share });
  return result;
}
