// Fills the gaps of a text.
import { layOut, type Part } from './canvas.js';
import { GenerateError } from './errors.js';
import { cut, decodeGap, fill, RUN_OPTIONS, targetsOf, type RunOptions } from './fill.js';
import type { Model } from './model.js';
import { checkNames, resolveSampling } from './options.js';

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
 * Fills the gaps of a text, each to its last token. `parseGaps` makes parts of a marked text. The text of a gap is cut before the first stop
 * string. Throws {@link GenerateError}.
 */
export async function infill(model: Model, parts: readonly Part[], options: InfillOptions = {}): Promise<InfillResult> {
  const idle = { maxLength: 'the parts say how long the text is', minLength: 'every gap is filled to its last token' };
  checkNames('infill', options, RUN_OPTIONS, idle);
  const sampling = resolveSampling(model.generation, options);
  const layout = layOut(parts, model.config, model.tokenizer, { closed: true });
  if (layout.gaps.length === 0) throw new GenerateError('text: no gap to fill; give at least one part { gap: tokens }');
  const targets = targetsOf(layout, sampling);
  const results = await fill({ model, targets, sampling, closed: true }, options);
  const texts = results.map((result, i) => {
    const fills = layout.gaps.map((gap) => cut(decodeGap(model, result, gap, gap.length), sampling.stop));
    let next = 0;
    return {
      text: parts.map((part) => (typeof part === 'string' ? part : fills[next++])).join(''),
      fills,
      seed: targets[i]!.seed,
      nfe: result.nfe,
    };
  });
  return { texts, promptTokens: layout.textTokens };
}
