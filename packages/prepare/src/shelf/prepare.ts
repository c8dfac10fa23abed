import { join } from 'node:path';
import type { ProjectConfig } from '@mdiff/config';
import { packLengths } from '@mdiff/curriculum';
import type { UnitStore } from '@mdiff/curriculum';
import { sweep } from '@mdiff/folder/node';
import { Tokenizer, repeatFinder } from '@mdiff/text';
import { corpusNotes, nothingToTrainOn } from '../corpus.js';
import { evaluatedUse, refuseEmptyStages, rowShape } from '../cut.js';
import type { Use } from '../cut.js';
import { combine } from '../fingerprint.js';
import { evaluatedPart, sampleNote } from '../heldout.js';
import type { HeldOut } from '../heldout.js';
import { pauses } from '../pause.js';
import type { Pause } from '../pause.js';
import type { Prepared, PrepareOptions } from '../prepared.js';
import type { PrepareReporter } from '../reporter.js';
import { describeTokenizer, givenTokenizer } from '../tokenizer.js';
import { readShelf } from './read.js';
import type { Shelf, Volume } from './read.js';
import { cutterOf, distinct, useKey } from './shard.js';
import { splitShelf } from './split.js';
import type { ShelfSplit } from './split.js';
import { shelfStore } from './store.js';
import type { ShelfStore } from './store.js';
import type { ShelfOptions } from './visit.js';
import { shelfTokenizer } from './vocabulary.js';

/**
 * Prepares a source that is too large for memory, as `prepare` does a book: the same units, in the same order. Each file is parsed and cut by itself, and kept
 * in `cache_dir/tokens` by its content; only the lengths of the units stay in memory. Nothing is scored, so every stage has to select `all`.
 */
export async function prepareShelf(
  config: ProjectConfig,
  reporter: PrepareReporter,
  { tokenizerJson, signal, onText, onEntry, helpers, size }: PrepareOptions & { size: number },
): Promise<Prepared> {
  const folder = join(config.cache_dir, 'tokens');
  await sweep(folder, { ours: true });
  const pause = pauses(signal);
  // Archives grow when they are unpacked, to about this size.
  const progress = (done: number): void => reporter.progress('read', Math.min(done, size), size);
  let damaged = 0;
  const onDamaged = (): void => void damaged++;
  const options: ShelfOptions = { folder, pause, progress, onDamaged, onEntry, helpers, ...(signal && { signal }) };
  reporter.phase('reading', config.data.source);
  const given = tokenizerJson === undefined ? await givenTokenizer(config) : Tokenizer.fromJson(tokenizerJson);
  const tokenizer = given ?? (await learnt(config, options, reporter));
  const staged = config.curriculum.stages.map(({ format_type }): Use => ({ format: format_type }));
  const trained = distinct([...staged, PARAGRAPHS]);
  const uses = distinct([...trained, evaluatedUse(config)]);
  reporter.phase('tokenizing', tokenizerJson === undefined ? describeTokenizer(config) : "the run's tokenizer");
  const shelf = await readShelf(config, 'data.source', { ...options, cutter: cutterOf(config, tokenizer, { folder, uses }) });
  const aside = await asideOf(config, { ...options, cutter: cutterOf(config, tokenizer, { folder, uses: [evaluatedUse(config)] }) });
  const split = splitShelf(shelf.volumes, aside ? 0 : config.training.val_split);
  if (split.train === 0) throw nothingToTrainOn();
  const text = combine(config.data.source, shelf.name, {
    titles: shelf.volumes.map(({ outline }) => outline.title),
    bytes: shelf.volumes.reduce((sum, { outline }) => sum + outline.bytes, 0),
    hashes: shelf.volumes.map(({ outline }) => outline.sha256),
  });
  onText?.(text);
  const training = new Map(trained.map((use) => [useKey(use), storeOf(shelf.volumes, use, { split, held: false })]));
  const unitsPerStage = staged.map((use) => training.get(useKey(use))!);
  refuseEmptyStages(
    config,
    config.curriculum.stages.map((stage, i) => ({ stage, units: [], complexity: [], selected: unitsPerStage[i]!.lengths })),
  );
  const heldOut = evaluatedOf(config, shelf, { aside, split });
  const repeated = heldOut ? await countRepeats(heldOut, training.get(useKey(PARAGRAPHS))!, pause) : 0;
  report(reporter, { shelf, aside, split, repeated, damaged, heldOut: heldOut?.part });
  const packed = unitsPerStage.map(({ lengths }) => packLengths(lengths, rowShape(config)));
  return {
    text,
    tokenizer,
    documents: split.train,
    heldOut: heldOut?.part,
    unitsPerStage,
    rowsPerStage: packed.map(({ rows }) => rows),
    padded: packed.map(({ padded }) => padded),
    notices: [],
  };
}

/** The held-out text that has a source of its own. */
const asideOf = (config: ProjectConfig, options: ShelfOptions): Promise<Shelf | undefined> =>
  config.data.val_source === null ? Promise.resolve(undefined) : readShelf(config, 'data.val_source', options);

/** A tokenizer learnt from the training text, for which the shelf is first read without one. */
async function learnt(config: ProjectConfig, options: ShelfOptions, reporter: PrepareReporter): Promise<Tokenizer> {
  const shelf = await readShelf(config, 'data.source', options);
  const split = splitShelf(shelf.volumes, config.data.val_source === null ? config.training.val_split : 0);
  if (split.train === 0) throw nothingToTrainOn();
  reporter.phase('tokenizing', describeTokenizer(config));
  return shelfTokenizer(config, shelf, { ...options, split });
}

/** The units of a use in the training part or in the held-out part. */
const storeOf = (volumes: readonly Volume[], use: Use, { split, held }: { split: ShelfSplit; held: boolean }): ShelfStore =>
  shelfStore(
    volumes.map(({ shards }, v) => ({
      shard: shards.get(useKey(use))!,
      paragraphs: held ? split.held[v]! : split.held[v]!.map((out) => !out),
    })),
  );

/** A held-out unit that evaluations read. */
interface EvaluatedUnit {
  id: number;
  tokens: Int32Array;
  bytes: number;
}

/** Reads the held-out units that evaluations need; undefined where nothing is held out. */
function evaluatedOf(
  config: ProjectConfig,
  shelf: Shelf,
  { aside, split }: { aside: Shelf | undefined; split: ShelfSplit },
): ReturnType<typeof evaluatedPart<EvaluatedUnit>> {
  const store = aside
    ? shelfStore(aside.volumes.map(({ shards }) => ({ shard: shards.get(useKey(evaluatedUse(config)))! })))
    : storeOf(shelf.volumes, evaluatedUse(config), { split, held: true });
  return evaluatedPart(config, {
    lengths: store.lengths,
    unit: (place) => ({ ...store.unit(place), bytes: store.sizes[place]! }),
    documents: aside ? aside.volumes.reduce((sum, { outline }) => sum + outline.sections.length, 0) : split.heldOut,
  });
}

/** What repeats are looked for in. */
const PARAGRAPHS: Use = { format: 'paragraphs' };

// Shorter units are greetings and exclamations that every book repeats.
const REPEAT_TOKENS = 12;

/** Counts the evaluated units that come again, nearly token for token, among the training units. */
async function countRepeats({ units }: { units: readonly EvaluatedUnit[] }, train: UnitStore, pause: Pause): Promise<number> {
  const kept = units.filter(({ tokens }) => tokens.length >= REPEAT_TOKENS).map(({ tokens }) => tokens);
  const repeats = repeatFinder(kept);
  const seen = new Set<number>();
  for (let place = 0; place < train.lengths.length; place++) {
    if (train.lengths[place]! < REPEAT_TOKENS) continue;
    for (const repeat of repeats(train.unit(place).tokens)) seen.add(repeat.kept);
    const moment = pause();
    if (moment) await moment;
  }
  return seen.size;
}

interface Report {
  shelf: Shelf;
  aside: Shelf | undefined;
  split: ShelfSplit;
  repeated: number;
  damaged: number;
  heldOut: HeldOut | undefined;
}

/** Tells what was read, as for a book, and what became of the cache. */
function report(reporter: PrepareReporter, { shelf, aside, split, repeated, damaged, heldOut }: Report): void {
  const sources = aside ? [shelf, aside] : [shelf];
  const lines = corpusNotes({
    train: split.train,
    heldOut: heldOut?.documents ?? 0,
    from: aside?.name,
    dropped: sources.flatMap(({ volumes }) => volumes).reduce((sum, { outline }) => sum + outline.dropped, 0),
    unread: sources.flatMap(({ unread }) => unread),
    notes: sources.flatMap(({ notes }) => notes),
    repeated,
  });
  const sample = heldOut && sampleNote(heldOut);
  if (sample !== undefined) lines.push(sample);
  if (damaged > 0) lines.push(`${damaged} damaged entries of the token cache were made again`);
  for (const line of lines) reporter.note(`  ${line}`);
}
