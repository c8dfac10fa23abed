import type { ProjectConfig } from '@mdiff/config';
import { selectUnits } from '@mdiff/curriculum';
import type { Unit } from '@mdiff/curriculum';
import { MdiffError } from '@mdiff/folder';
import { Tokenizer } from '@mdiff/text';
import type { Section } from '@mdiff/text';
import { measureSource } from '@mdiff/text/node';
import { splitSentences } from '@mdiff/text/sentences';
import { loadCorpus } from './corpus.js';
import { evaluatedUse, unitsOf } from './cut.js';
import { evaluatedPart } from './heldout.js';
import { pauses } from './pause.js';

// The text of a finished model, for an evaluation outside its run.

/** The paragraphs that a model was trained on, and the units that its run evaluates. */
export interface ModelText {
  source: string;
  train: string[];
  heldOut: string[];
}

/** A larger source is read whole by nothing but its run. */
const MOST_BYTES = 16_000_000;

/**
 * Reads the text that a configuration trained on, and holds out what its run held out.
 * @throws MdiffError MDIFF_TEXT for a source that is not here, or is too large to be read whole
 */
export async function modelText(config: ProjectConfig, tokenizerJson: string, signal?: AbortSignal): Promise<ModelText> {
  const tokenizer = Tokenizer.fromJson(tokenizerJson);
  const { data, data_dir } = config;
  const size = await measureSource(data.source, { dataDir: data_dir });
  if (size > MOST_BYTES)
    throw new MdiffError('MDIFF_TEXT', `data.source: ${data.source} has ${Math.round(size / 1e6)} MB, which mdiff does not read whole`, 2);
  const { train, heldOut } = await loadCorpus(config, signal);
  const units = await unitsOf(config, heldOut, evaluatedUse(config), { tokenizer, pause: pauses(signal) });
  const lengths = units.map(({ tokens }) => tokens.length);
  const evaluated = evaluatedPart(config, { lengths, unit: (i) => units[i]!, documents: heldOut.length });
  // In the order in which the run evaluates them, which decides their masks.
  const texts = (evaluated?.part.batches ?? []).flatMap(({ ids, S, units: placed }) =>
    placed.map(({ row, maskableStart, length }) =>
      tokenizer.decode(ids.subarray(row * S + maskableStart, row * S + maskableStart + length - 1)),
    ),
  );
  return { source: data.source, train: paragraphsOf(train), heldOut: texts };
}

const paragraphsOf = (sections: readonly Section[]): string[] =>
  sections.flatMap(({ paragraphs }) => paragraphs.filter(({ kind }) => kind !== 'heading').map(({ text }) => text));

const BANDS = ['easy', 'medium', 'hard'] as const;
export type Band = (typeof BANDS)[number];

/**
 * The difficulty band of each text, ranked against the others by the signals and thresholds of a configuration (docs/configuration-specification.md, section
 * 4.5). Throws as scoring a training text does.
 */
export async function bandsOf(
  config: ProjectConfig,
  texts: readonly string[],
  { tokenizerJson, signal }: { tokenizerJson: string; signal?: AbortSignal },
): Promise<Band[]> {
  const { scoreText } = await import('./score.js');
  const sections = [{ title: '', paragraphs: texts.map((text) => ({ text, kind: 'prose' as const })) }];
  const scores = await scoreText(config, sections, { tokenizer: Tokenizer.fromJson(tokenizerJson), ...(signal && { signal }) });
  const units = placed(texts);
  const complexity = scores.of(units);
  const bands = new Array<Band>(texts.length);
  for (const band of BANDS) for (const { id } of selectUnits(units, complexity, band, config.curriculum)) bands[id] = band;
  return bands;
}

/** Texts as units that hold their sentences, which scoring numbers one after another. */
function placed(texts: readonly string[]): Unit[] {
  let next = 0;
  return texts.map((text, id): Unit => {
    const parts = splitSentences(text).map(() => ({ sentence: next++ }));
    return { id, tokens: new Int32Array(0), bytes: 0, section: 0, kind: 'prose', parts };
  });
}
