import type { ProjectConfig, StageConfig } from '@mdiff/config';
import { cutUnits, packRows, selectUnits } from '@mdiff/curriculum';
import type { Packing, RowShape, Unit, UnitOptions } from '@mdiff/curriculum';
import { MdiffError } from '@mdiff/folder';
import type { Section, Tokenizer } from '@mdiff/text';
import { collect } from './pause.js';
import type { Pause } from './pause.js';

export const rowShape = ({ model }: ProjectConfig): RowShape => ({ length: model.max_seq_len, shiftHead: model.shift_head });

/** The text of one stage. */
export interface StageText {
  stage: StageConfig;
  /** all units of the stage's format */
  units: Unit[];
  /** one number for each of them; high is hard */
  complexity: ArrayLike<number>;
  /** those that `data_selection` asks for */
  selected: Unit[];
  packing: Packing;
}

/** What units are cut for: a stage of training, or evaluations, whose passages are as long as fits. */
export type Use = { format: StageConfig['format_type']; evaluated?: boolean };

/** What evaluations read, whatever the stages train on: figures of different curricula are comparable. */
export const evaluatedUse = ({ training }: ProjectConfig): Use => ({ format: training.eval_format, evaluated: true });

/** How sections become units. */
export function unitOptions(config: ProjectConfig, { format, evaluated = false }: Use): UnitOptions {
  const { length, shiftHead } = rowShape(config);
  return { format, data: config.data, maxSlot: length, shiftHead, seed: config.seed, longest: evaluated };
}

export interface CutOptions {
  tokenizer: Tokenizer;
  pause: Pause;
}

/** Cuts sections into units; none where the text has nothing of it: the stages that get nothing are named together. */
export const unitsOf = (config: ProjectConfig, sections: readonly Section[], use: Use, { tokenizer, pause }: CutOptions): Promise<Unit[]> =>
  collect(cutUnits(sections, tokenizer, unitOptions(config, use)), pause);

/** Cuts, selects and packs the training text for each stage. Each format is cut once; a stage without any text has no units. */
export async function cutStages(
  config: ProjectConfig,
  train: readonly Section[],
  { complexityOf, ...options }: CutOptions & { complexityOf(units: readonly Unit[]): ArrayLike<number> },
): Promise<StageText[]> {
  const byFormat = new Map<string, Pick<StageText, 'units' | 'complexity'>>();
  for (const { format_type } of config.curriculum.stages) {
    if (byFormat.has(format_type)) continue;
    const units = await unitsOf(config, train, { format: format_type }, options);
    byFormat.set(format_type, { units, complexity: complexityOf(units) });
  }
  return config.curriculum.stages.map((stage) => {
    const { units, complexity } = byFormat.get(stage.format_type)!;
    const selected = selectUnits(units, complexity, stage.data_selection, config.curriculum);
    return { stage, units, complexity, selected, packing: packRows(selected, rowShape(config)) };
  });
}

/** @throws MdiffError MDIFF_TEXT that names the stages without text */
export function refuseEmptyStages(config: ProjectConfig, texts: readonly StageCount[]): void {
  const problem = stagesWithoutText(texts, config);
  if (problem !== undefined)
    throw new MdiffError('MDIFF_TEXT', `${problem}; use a longer text, a smaller data.min_sentence_length or data_selection "all"`, 2);
}

/** The text of a stage, of which only the number of selected units counts unless there are none. */
type StageCount = Pick<StageText, 'stage' | 'units' | 'complexity'> & { selected: { length: number } };

/** A line that names the stages without text and says how much there was; undefined if each stage has some. */
function stagesWithoutText(texts: readonly StageCount[], { curriculum, data }: ProjectConfig): string | undefined {
  const reason = ({ stage: { format_type }, units, complexity }: StageCount): string => {
    const bands = (['easy', 'medium', 'hard'] as const).map((band) => `${selectUnits(units, complexity, band, curriculum).length} ${band}`);
    const short = {
      paragraphs: '',
      passages: '',
      sentences: ` of ${data.min_sentence_length} tokens or more`,
      pairs: ` of sentences of ${data.min_sentence_length} tokens or more`,
    }[format_type];
    return units.length > 0 ? `none of ${units.length} (${bands.join(', ')})` : `none, since the text has no ${format_type}${short}`;
  };
  const wanted = ({ stage: { name, format_type, data_selection } }: StageCount): string =>
    `${format_type} (${data_selection}) for stage "${name}"`;
  const empty = texts.filter(({ selected }) => selected.length === 0);
  const [first] = empty;
  if (!first) return undefined;
  if (empty.length === 1) return `curriculum.stages[${texts.indexOf(first)}]: expected ${wanted(first)}, got ${reason(first)}`;
  return `curriculum.stages: expected text for each of ${texts.length} stages, got nothing for ${empty.length}: ${empty.map((text) => `${wanted(text)}: ${reason(text)}`).join('; ')}`;
}
