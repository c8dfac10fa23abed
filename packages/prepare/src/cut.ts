import type { ProjectConfig, StageConfig } from '@mdiff/config';
import { makeUnits, packRows, selectUnits } from '@mdiff/curriculum';
import type { Packing, RowShape, Unit } from '@mdiff/curriculum';
import type { Section, Tokenizer } from '@mdiff/text';

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

/** Cuts sections into units of a format. @throws CurriculumError MDIFF_CURRICULUM if the text has none */
export function unitsOf(
  config: ProjectConfig,
  sections: readonly Section[],
  tokenizer: Tokenizer,
  format: StageConfig['format_type'],
): Unit[] {
  const { length, shiftHead } = rowShape(config);
  return makeUnits(sections, tokenizer, { format, data: config.data, maxSlot: length, shiftHead, seed: config.seed });
}

/** Cuts, selects and packs the training text for each stage. Each format is cut once; a stage without any text has no units. */
export function cutStages(
  config: ProjectConfig,
  train: readonly Section[],
  { tokenizer, complexityOf }: { tokenizer: Tokenizer; complexityOf(units: readonly Unit[]): ArrayLike<number> },
): StageText[] {
  const byFormat = new Map<string, Pick<StageText, 'units' | 'complexity'>>();
  const cut = (format: StageConfig['format_type']): Pick<StageText, 'units' | 'complexity'> => {
    const units = unitsOrNone(() => unitsOf(config, train, tokenizer, format));
    const text = { units, complexity: complexityOf(units) };
    byFormat.set(format, text);
    return text;
  };
  return config.curriculum.stages.map((stage) => {
    const { units, complexity } = byFormat.get(stage.format_type) ?? cut(stage.format_type);
    const selected = selectUnits(units, complexity, stage.data_selection, config.curriculum);
    return { stage, units, complexity, selected, packing: packRows(selected, rowShape(config)) };
  });
}

/** No units where the text has nothing of a format: the stages that get nothing are named together. */
function unitsOrNone(make: () => Unit[]): Unit[] {
  try {
    return make();
  } catch (error) {
    if ((error as { code?: string }).code !== 'MDIFF_CURRICULUM') throw error;
    return [];
  }
}

/** A line that names the stages without text and says how much there was; undefined if each stage has some. */
export function stagesWithoutText(texts: readonly StageText[], { curriculum, data }: ProjectConfig): string | undefined {
  const reason = ({ stage: { format_type }, units, complexity }: StageText): string => {
    const bands = (['easy', 'medium', 'hard'] as const).map((band) => `${selectUnits(units, complexity, band, curriculum).length} ${band}`);
    const short = {
      paragraphs: '',
      sentences: ` of ${data.min_sentence_length} tokens or more`,
      pairs: ` of sentences of ${data.min_sentence_length} tokens or more`,
    }[format_type];
    return units.length > 0 ? `none of ${units.length} (${bands.join(', ')})` : `none, since the text has no ${format_type}${short}`;
  };
  const wanted = ({ stage: { name, format_type, data_selection } }: StageText): string =>
    `${format_type} (${data_selection}) for stage "${name}"`;
  const empty = texts.filter(({ selected }) => selected.length === 0);
  const [first] = empty;
  if (!first) return undefined;
  if (empty.length === 1) return `curriculum.stages[${texts.indexOf(first)}]: expected ${wanted(first)}, got ${reason(first)}`;
  return `curriculum.stages: expected text for each of ${texts.length} stages, got nothing for ${empty.length}: ${empty.map((text) => `${wanted(text)}: ${reason(text)}`).join('; ')}`;
}
