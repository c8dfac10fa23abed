// Writes a page: infillings and continuations by several models, and what they have of the book.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { generate, infill } from '@mdiff/generate';
import { visitSource } from '@mdiff/text/node';
import { bookStatistics, textStatistics, wordsOf } from '@mdiff/text/statistics';
import { root } from '../../tools/workspace.mjs';
import { partsOf } from '../shared/heldout.ts';
import { openedModel } from '../shared/opened.mjs';
import { failure, optionsOf, text, whole } from '../shared/options.mjs';
import { pageOf } from './page.ts';
import { gappedOf, promptsOf } from './prompts.ts';

const options = optionsOf({
  name: 'texts',
  about: 'Unchosen infillings and continuations of held-out text by several models, with statistics, as a page.',
  options: {
    model: { kind: text('label=folder'), many: true, help: 'a model and its name on the page, in order; base-en is the installed package' },
    book: { kind: text('file'), default: 'builtin:moby-dick', help: 'the book that the models were trained on' },
    title: { kind: text('title'), default: 'Moby-Dick', help: 'its name on the page' },
    corpus: { kind: text('folder'), help: 'the text of the base model: its words count as known' },
    infillings: { kind: whole(1), default: 20, help: 'gaps' },
    continuations: { kind: whole(1), default: 10, help: 'prompts' },
    tokens: { kind: whole(1), default: 60, help: 'tokens of a continuation, at most' },
    seed: { kind: whole(0), default: 1000, help: 'text i has this seed plus i' },
    out: { kind: text('file'), default: 'texts.md', help: 'the page, in docs/' },
  },
});
if (options.model.length === 0)
  throw failure('--model: give at least one, for example --model "fine-tuned=outputs/quickstart/model"', 'MDIFF_USAGE', 2);

const { train, heldOut } = await partsOf(options.book, 'quickstart');
const book = bookStatistics(train);
const gapped = gappedOf(heldOut, options.infillings);
const prompts = promptsOf(heldOut, options.continuations);
const corpus = new Set();
if (options.corpus)
  await visitSource(options.corpus, {}, async ({ bytes }) => {
    for (const word of wordsOf(Buffer.from(bytes).toString('utf8'))) corpus.add(word);
  });

/** A folder that can be run, and its card. */
async function opened(folder) {
  const { model, path } = await openedModel(folder);
  const card = existsSync(join(path, 'README.md')) ? readFileSync(join(path, 'README.md'), 'utf8') : '';
  const fact = (name) => new RegExp(`^\\| ${name} \\| (.*) \\|$`, 'm').exec(card)?.[1];
  const about = [
    fact('training'),
    fact('tokens seen') && `${fact('tokens seen')} tokens seen`,
    fact('held-out bits per byte') && `held-out bits/byte ${fact('held-out bits per byte')}`,
  ];
  return { model, about: about.filter(Boolean).join('; ') };
}

/** What one model writes, text by text with the next seed. */
async function written(model) {
  const fills = [];
  for (const [i, { before, words, after }] of gapped.entries()) {
    const gap = model.tokenizer.encode(` ${words}`).length;
    fills.push((await infill(model, [before, { gap }, after], { n: 1, seed: options.seed + i })).texts[0].fills[0]);
  }
  const continuations = [];
  for (const [i, prompt] of prompts.entries())
    continuations.push((await generate(model, { prompt, maxTokens: options.tokens, n: 1, seed: options.seed + i })).texts[0].completion);
  return { fills, continuations };
}

const writers = [];
let settings = '';
for (const pair of options.model) {
  const [label, folder] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
  const { model, about } = await opened(folder);
  const { temperature, top_p, sampler, block_length } = model.generation;
  settings = `sampler ${sampler}, blocks of ${block_length} ${block_length === 1 ? 'token' : 'tokens'}, temperature ${temperature}, top_p ${top_p}`;
  const texts = await written(model);
  await model.close();
  writers.push({ label, about, ...texts, statistics: textStatistics(texts.continuations, book, corpus) });
  console.log(`${label}: done`);
}

const length = Math.round(writers.reduce((sum, { statistics }) => sum + statistics.words, 0) / writers.length / prompts.length);
const own = promptsOf(heldOut, prompts.length).map((prompt) =>
  heldOut.find((paragraph) => paragraph.split(/\s+/).slice(0, 8).join(' ') === prompt),
);
const rest = own.map((paragraph) =>
  paragraph
    .split(/\s+/)
    .slice(8, 8 + length)
    .join(' '),
);
const page = pageOf({
  book: options.title,
  gapped,
  prompts,
  writers,
  heldOut: textStatistics(rest, book, corpus),
  settings,
  seed: options.seed,
});
const path = resolve(root, 'docs', options.out);
writeFileSync(path, page);
console.log(path);
