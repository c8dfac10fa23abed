// The two parts of a book, as a training with these settings would have them.
import { loadProject } from '@mdiff/config';
import { holdOut, type Section } from '@mdiff/text';
import { loadSource } from '@mdiff/text/node';

export interface Parts {
  /** running text, paragraph by paragraph, without headings */
  readonly train: string[];
  readonly heldOut: string[];
}

const paragraphsOf = (sections: readonly Section[]): string[] =>
  sections.flatMap(({ paragraphs }) => paragraphs.filter(({ kind }) => kind !== 'heading').map(({ text }) => text));

/** `preset` decides the share that is held out. */
export async function partsOf(source: string, preset: string): Promise<Parts> {
  const { config } = loadProject({ file: false, preset, set: [`data.source=${source}`] });
  const { documents } = await loadSource(config.data.source, { dataDir: config.data_dir });
  const split = holdOut(documents, config.training.val_split);
  return { train: paragraphsOf(split.train), heldOut: paragraphsOf(split.heldOut) };
}

/** `count` places of a list, spread evenly: nobody chooses them. */
export const spread = (length: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * length) / count));
