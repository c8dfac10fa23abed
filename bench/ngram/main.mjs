// n-gram baselines on exactly the tokens and bytes that training evaluates: the same split, tokenizer, units and [EOS].
import { loadProject } from '@mdiff/config';
import { makeUnits } from '@mdiff/curriculum';
import { holdOut } from '@mdiff/text';
import { loadSource, trainBpe } from '@mdiff/text/node';
import { optionsOf, text, whole } from '../shared/options.mjs';
import { writeResult } from '../shared/results.mjs';
import { evaluate, trainNgram } from './kneser.ts';

const options = optionsOf({
  name: 'ngram',
  about: 'Unigram to n-gram baselines (interpolated modified Kneser–Ney) on the held-out text of a configuration.',
  options: {
    config: { kind: text('file'), help: 'the configuration' },
    preset: { kind: text('name'), help: 'a preset below it (default: quickstart_scratch)' },
    set: { kind: text('key=value'), many: true, help: 'a setting over it; may be repeated' },
    order: { kind: whole(1, 9), default: 5, help: 'the longest n-gram' },
  },
});

const { config } = loadProject({
  file: options.config ?? false,
  preset: options.preset ?? (options.config === undefined ? 'quickstart_scratch' : undefined),
  set: options.set,
});
const { data, curriculum, model, training } = config;
const { documents, name } = await loadSource(data.source, { dataDir: config.data_dir });
const split = holdOut(documents, training.val_split);
const { tokenizer, reached } = await trainBpe(
  split.train.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text)),
  { vocabSize: model.vocab_size },
);
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
console.log('order  nats/token  bits/byte  seconds');
const rows = [];
for (let order = 1; order <= options.order; order++) {
  const began = performance.now();
  // [MASK], [PAD], [BOS] and [SEP] are never predicted; every other id can be.
  const ngram = trainNgram(learnt, { order, bos, vocabSize: reached, outcomes: reached - 4 });
  const { nats, tokens } = evaluate(ngram, asked, bos);
  const row = { order, nats_per_token: nats / tokens, bits_per_byte: nats / bytes / Math.LN2, tokens, bytes };
  rows.push(row);
  console.log(
    `${String(order).padStart(5)}  ${row.nats_per_token.toFixed(4).padStart(10)}  ${row.bits_per_byte.toFixed(4).padStart(9)}  ${((performance.now() - began) / 1000).toFixed(1).padStart(7)}`,
  );
}
writeResult(
  'ngram',
  { source: data.source, format, vocab_size: reached, train_tokens: trainTokens, max_seq_len: model.max_seq_len, models: rows },
  2,
);
