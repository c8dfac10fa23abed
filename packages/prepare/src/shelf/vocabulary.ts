import type { ProjectConfig } from '@mdiff/config';
import type { Tokenizer } from '@mdiff/text';
import { learntTokenizer } from '../tokenizer.js';
import { readShelf } from './read.js';
import type { Shelf } from './read.js';
import type { ShelfSplit } from './split.js';
import type { ShelfOptions } from './visit.js';

// Bounds the memory of the native trainer, which grows with the text. Nobody has measured a vocabulary learnt from more.
const LEARN_BYTES = 32 * 2 ** 20;

/**
 * The tokenizer of a shelf, learnt from its training text: from all of it, or from evenly spaced paragraphs that have about `LEARN_BYTES` bytes together. In the
 * cache it is found by the texts of the shelf and the split.
 */
export function shelfTokenizer(
  config: ProjectConfig,
  { volumes }: Shelf,
  { split: { held }, ...options }: Omit<ShelfOptions, 'cutter' | 'onDocument'> & { split: ShelfSplit },
): Promise<Tokenizer> {
  const training = volumes.reduce(
    (sum, { outline }, v) => sum + outline.sections.flat().reduce((bytes, size, p) => bytes + (held[v]![p] ? 0 : size), 0),
    0,
  );
  const share = Math.min(1, LEARN_BYTES / training);
  const identity = [
    'shelf',
    LEARN_BYTES,
    volumes.map(({ outline }) => outline.sha256),
    config.training.val_split,
    config.data.val_source === null,
  ];
  const corpus = async (): Promise<string[]> => {
    const texts: string[] = [];
    let seen = 0;
    await readShelf(config, 'data.source', {
      ...options,
      helpers: [], // the outlines are there
      onDocument: ({ sections }, place) => {
        sections
          .flatMap(({ paragraphs }) => paragraphs)
          .forEach(({ text }, p) => {
            if (held[place]![p]) return;
            seen++;
            if (Math.floor(seen * share) > Math.floor((seen - 1) * share)) texts.push(text);
          });
      },
    });
    return texts;
  };
  return learntTokenizer(config, identity, { corpus, ...(options.signal && { signal: options.signal }) });
}
