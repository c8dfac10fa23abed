// Whose text is it? One model for each author, from one base; held-out passages of each author, scored by each model against the base.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compare } from '@mdiff/generate';
import { root } from '../../tools/workspace.mjs';
import { partsOf } from '../shared/heldout.ts';
import { openedModel } from '../shared/opened.mjs';
import { failure, optionsOf, text, whole } from '../shared/options.mjs';
import { fixed, writeResult, writeTo } from '../shared/results.mjs';
import { passagesOf, tally, winner } from './passages.ts';

const options = optionsOf({
  name: 'style',
  about:
    'How often the right author wins: a model for each author, fine-tuned from one base, and held-out passages scored by each against the base.',
  options: {
    author: { kind: text('name=book'), many: true, help: 'an author and a book (a file or builtin:moby-dick); at least two' },
    model: { kind: text('name=folder'), many: true, help: "an author's model folder that is there already, instead of a training" },
    base: { kind: text('model'), default: 'base-en', help: 'the base model' },
    steps: { kind: whole(1), default: 120, help: 'steps of each training, of 2,048 tokens' },
    passages: { kind: whole(1), default: 6, help: 'passages of each author' },
    words: { kind: whole(1), default: 200, help: 'words of a passage, at least' },
    masks: { kind: whole(2), default: 32, help: 'masks of each paragraph' },
    out: { kind: text('file'), help: 'write the figures here instead of bench/results/style.json' },
  },
});

const pairs = (given) => Object.fromEntries(given.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
const books = pairs(options.author);
const trained = pairs(options.model);
const authors = Object.keys(books);
if (authors.length < 2)
  throw failure(
    '--author: give at least two, for example --author melville=builtin:moby-dick --author shelley=frankenstein.txt',
    'MDIFF_USAGE',
    2,
  );

/** Fine-tunes the base on a book; a finished run is taken as it is. */
function folderOf(author) {
  if (trained[author]) return trained[author];
  const name = `bench-style-${author}`;
  const folder = join(root, 'outputs', name, 'model');
  if (existsSync(join(folder, 'manifest.json'))) return folder;
  const set = [
    `experiment_name=${name}`,
    `model.init_from=${options.base}`,
    'training.max_minutes=null',
    `training.max_steps=${options.steps}`,
    `training.warmup_steps=${Math.ceil(options.steps / 10)}`,
    'training.eval_every=0',
  ].flatMap((setting) => ['--set', setting]);
  const { status } = spawnSync(
    process.execPath,
    [join(root, 'apps/mdiff/bin/mdiff.js'), 'train', books[author], '--preset', 'quickstart', '--no-sample', '--fresh', '--yes', ...set],
    { cwd: root, stdio: 'inherit' },
  );
  if (status !== 0) throw failure(`the training of ${author} ended with code ${status}; its messages are above`);
  return folder;
}

const folders = authors.map(folderOf);
const models = [];
for (const folder of [...folders, options.base]) models.push((await openedModel(folder)).model);

const verdicts = [];
for (const author of authors) {
  const { heldOut } = await partsOf(books[author], 'quickstart');
  const passages = passagesOf(heldOut, { count: options.passages, words: options.words });
  for (const [number, passage] of passages.entries()) {
    const { scores, ratio } = await compare(models, passage, { levels: options.masks });
    const against = authors.map((_, m) => ratio(m, authors.length));
    const verdict = {
      author,
      passage: number + 1,
      begins: passage[0].split(/\s+/).slice(0, 6).join(' '),
      tokens: scores[0].tokens,
      base: fixed(scores.at(-1).natsPerToken, 4),
      ratios: Object.fromEntries(authors.map((name, m) => [name, fixed(against[m].natsPerToken, 4)])),
      errors: Object.fromEntries(authors.map((name, m) => [name, fixed(against[m].natsPerTokenError, 4)])),
    };
    verdicts.push(verdict);
    const shown = authors.map(
      (name) => `${name} ${verdict.ratios[name] < 0 ? '' : '+'}${verdict.ratios[name].toFixed(3)} ± ${verdict.errors[name].toFixed(3)}`,
    );
    console.log(
      `${author} ${number + 1} (${verdict.tokens} tokens): ${shown.join('   ')}   → ${winner(verdict)}${winner(verdict) === author ? '' : ' (wrong)'}`,
    );
  }
}
for (const model of models) await model.close();

const { right, of, byAuthor } = tally(verdicts);
console.log(`the right author's model gains most over ${options.base} in ${right} of ${of} passages`);
for (const [author, entry] of Object.entries(byAuthor)) console.log(`  ${author}: ${entry.right} of ${entry.of}`);
const figures = {
  base: options.base,
  steps: options.model.length > 0 ? null : options.steps,
  masks: options.masks,
  words: options.words,
  right,
  of,
  byAuthor,
  verdicts,
};
if (options.out) writeTo(options.out, figures);
else writeResult('style', figures);
