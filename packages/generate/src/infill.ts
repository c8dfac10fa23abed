// Fills the gaps of a text.
import { mustBe } from '@mdiff/arguments';
import { layOut, type Part } from './canvas.js';
import { GenerateError } from './errors.js';
import { cut, decodeGap, RUN_OPTIONS, type RunOptions, type Target } from './fill.js';
import { chooseLengths } from './lengths.js';
import type { Model } from './model.js';
import { checkNames, resolveSampling, seedAt } from './options.js';
import { fillWholeWords } from './wholewords.js';

/** `maxLength` and `minLength` have no effect: the parts say how long the text is. */
export type InfillOptions = Omit<RunOptions, 'maxLength' | 'minLength'>;

export interface InfillResult {
  readonly texts: readonly {
    /** All parts joined. The given text is unchanged, character by character. */
    readonly text: string;
    /** The text of each gap. */
    readonly fills: readonly string[];
    readonly seed: number;
    readonly nfe: number;
  }[];
  readonly promptTokens: number;
}

/**
 * Fills the gaps of a text, each to its last token. A gap with a range of tokens gets the length that reads best (`chooseLengths`). `parseGaps` makes parts of a marked text. The text of a gap is cut before the first stop
 * string. Throws {@link GenerateError}.
 */
export async function infill(model: Model, parts: readonly Part[], options: InfillOptions = {}): Promise<InfillResult> {
  mustBe('infill', 'model', model, 'object');
  mustBe('infill', 'parts', parts, 'list');
  const idle = { maxLength: 'the parts say how long the text is', minLength: 'every gap is filled to its last token' };
  checkNames('infill', options, RUN_OPTIONS, idle);
  const sampling = resolveSampling(model.generation, options);
  if (!parts.some((part) => typeof part === 'object'))
    throw new GenerateError('text: no gap to fill; give at least one part { gap: tokens }');
  const chosen = await chooseLengths({ model, parts, sampling }, options);
  const targets = chosen.map(({ parts: fixed }, row): Target => ({
    layout: layOut(fixed, model.config, model.tokenizer, { closed: true }),
    seed: seedAt(sampling, row),
    row,
  }));
  const results = await fillWholeWords({ model, targets, sampling }, options);
  const texts = results.map((result, i) => {
    const fills = targets[i]!.layout.gaps.map((gap) => cut(decodeGap(model, result, gap, gap.length), sampling.stop));
    let next = 0;
    return {
      text: parts.map((part) => (typeof part === 'string' ? part : fills[next++])).join(''),
      fills,
      seed: targets[i]!.seed,
      nfe: chosen[i]!.nfe + result.nfe,
    };
  });
  return { texts, promptTokens: targets[0]!.layout.textTokens };
}
