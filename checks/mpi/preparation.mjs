// Preparing a text on several ranks: the token cache of a shelf and the scores of a text are shared out, and their entries are those of one process.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bookOf, mdiff, onRanks, same } from './job.mjs';

export async function checkPreparation({ scratch, cache, trainArgs, metrics, weights }, { check, step }) {
  /** A cache with the addon and nothing else. */
  const cacheOf = (name) => {
    const folder = join(scratch, name);
    cpSync(join(cache, 'engines'), join(folder, 'engines'), { recursive: true });
    return folder;
  };
  const entriesIn = (folder) => (existsSync(folder) ? readdirSync(folder).sort() : []);
  /** The difference between two caches, in words; '' if their entries are the same to the bit. */
  const difference = (kind, one, other) => {
    const [names, others] = [one, other].map((folder) => entriesIn(join(folder, kind)));
    if (names.length === 0 || names.join() !== others.join()) return `${one}: ${names}\n${other}: ${others}`;
    return names.filter((name) => !readFileSync(join(one, kind, name)).equals(readFileSync(join(other, kind, name)))).join();
  };
  const sameRun = (name, other) => {
    if (metrics(name) !== metrics(other)) return `${metrics(other)}\n${metrics(name)}`;
    return weights(name).equals(weights(other)) ? '' : 'the weights differ';
  };

  const shelf = join(scratch, 'shelf');
  mkdirSync(shelf, { recursive: true });
  for (let i = 0; i < 8; i++) writeFileSync(join(shelf, `book-${i}.txt`), bookOf(60 + i, 100 * i));
  // Binary, so no text is read of it; its size makes the shelf one that goes through the token cache.
  writeFileSync(join(shelf, 'padding.txt'), '');
  truncateSync(join(shelf, 'padding.txt'), 5e6);
  const ofShelf = (name, ranks, own) =>
    trainArgs(name, [`training.gradient_accumulation_steps=${6 / ranks}`, `cache_dir=${own}`], { source: shelf });
  const whole = cacheOf('shelf-1');
  const alone = await mdiff(ofShelf('shelf-1', 1, whole));
  check(
    'one process makes the token cache of a shelf',
    alone.code === 0 && entriesIn(join(whole, 'tokens')).length === 16 ? '' : alone.text,
  );
  await step('3 ranks, two of them with one cache: the entries of one process in both caches, and its losses, to the bit', async () => {
    const [first, other] = [cacheOf('shelf-3'), cacheOf('shelf-3-other')];
    const { code, text } = await onRanks([first, first, other].map((own) => ofShelf('shelf-3', 3, own)));
    if (code !== 0) return text;
    return difference('tokens', first, whole) || difference('tokens', other, whole) || sameRun('shelf-3', 'shelf-1');
  });

  const scored = join(scratch, 'scored.txt');
  writeFileSync(scored, bookOf(700)); // threads and ranks share more than 512 sentences
  const ofScored = (name, ranks, own) => {
    const stages = [{ name: 'easy', epochs: 1, masking_rate_range: [0.05, 1], data_selection: 'easy', format_type: 'sentences' }];
    const set = [`curriculum.stages=${JSON.stringify(stages)}`, 'training.max_steps=2', `cache_dir=${own}`];
    return trainArgs(name, [...set, `training.gradient_accumulation_steps=${2 / ranks}`], { source: scored });
  };
  const scores = cacheOf('scored-1');
  const single = await mdiff(ofScored('scored-1', 1, scores));
  check('one process scores a text', single.code === 0 && entriesIn(join(scores, 'scores')).length > 4 ? '' : single.text);
  await step('2 ranks: the scores of one process, and its losses, to the bit', async () => {
    const own = cacheOf('scored-2');
    const { code, text } = await onRanks(same(2, ofScored('scored-2', 2, own)));
    return code !== 0 ? text : difference('scores', own, scores) || sameRun('scored-2', 'scored-1');
  });
}
