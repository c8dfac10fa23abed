// n-gram baselines on exactly the tokens and bytes that training evaluates: the same split, tokenizer, units and [EOS].
// npm run bench -- ngram [--config file, else runs/quickstart.yaml] [--preset name] [--set key=value …] [--order 5]
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadProject } from '@mdiff/config';
import { makeUnits } from '@mdiff/curriculum';
import { holdOut } from '@mdiff/text';
import { loadSource, trainBpe } from '@mdiff/text/node';
import { evaluate, trainNgram } from './ngram/kneser.ts';

const { values: options } = parseArgs({
  options: { config: { type: 'string' }, preset: { type: 'string' }, set: { type: 'string', multiple: true }, order: { type: 'string', default: '5' } },
});
const longest = Number(options.order);
if (!Number.isInteger(longest) || longest < 1 || longest > 9) throw Object.assign(new Error(`--order: expected an integer from 1 to 9, got "${options.order}"`), { code: 'MDIFF_USAGE', exitCode: 2 });

const { config } = loadProject({ file: options.config ?? fileURLToPath(new URL('../runs/quickstart.yaml', import.meta.url)), preset: options.preset, set: options.set });
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

console.log(`${name}: ${trainTokens} training tokens in ${train.length} ${format}; ${reached} tokens of vocabulary; held out ${split.heldOut.length} ${split.unit}, ${heldOut.length} ${format}, ${bytes} bytes`);
console.log('order  nats/token  bits/byte  seconds');
const rows = [];
for (let order = 1; order <= longest; order++) {
  const began = performance.now();
  // [MASK], [PAD], [BOS] and [SEP] are never predicted; every other id can be.
  const ngram = trainNgram(learnt, { order, bos, vocabSize: reached, outcomes: reached - 4 });
  const { nats, tokens } = evaluate(ngram, asked, bos);
  const row = { order, nats_per_token: nats / tokens, bits_per_byte: nats / bytes / Math.LN2, tokens, bytes };
  rows.push(row);
  console.log(`${String(order).padStart(5)}  ${row.nats_per_token.toFixed(4).padStart(10)}  ${row.bits_per_byte.toFixed(4).padStart(9)}  ${((performance.now() - began) / 1000).toFixed(1).padStart(7)}`);
}
mkdirSync(new URL('results/', import.meta.url), { recursive: true });
writeFileSync(new URL('results/ngram.json', import.meta.url), `${JSON.stringify({ source: data.source, format, vocab_size: reached, train_tokens: trainTokens, max_seq_len: model.max_seq_len, models: rows }, null, 2)}\n`);
