import { infill, type Model } from '@mdiff/generate';
import { seedOf, type AnswerArgs } from './completions.js';
import { watchSteps } from './frames.js';
import { headOf } from './head.js';
import { biasOf } from './prompts.js';
import { samplingOf, wordsOf, type Infilling, type InfillRequest } from './schema.js';
import type { Events } from './stream.js';

/** Answers one request of `POST /v1/infill`: a canvas of text and gaps, each gap filled to its last token; a gap of a range gets the length that reads best. */
export async function fillGaps(
  model: Model,
  { body, sampling, signal, events, onText }: AnswerArgs<InfillRequest> & { events?: Events<Infilling> },
): Promise<Infilling> {
  const seed = seedOf(body, sampling, model);
  const n = body.n ?? 1;
  // The parts say how long the text is.
  const rest = Object.fromEntries(Object.entries(sampling).filter(([option]) => option !== 'maxLength' && option !== 'minLength'));
  const { texts, promptTokens } = await infill(model, body.parts, {
    ...rest,
    ...samplingOf(body),
    ...wordsOf(body),
    ...biasOf(body, model),
    n,
    seed,
    signal,
    ...watchSteps(model, { body, sampling, events, first: 0 }),
  });
  for (const { nfe } of texts) onText?.(nfe);
  const gaps = body.parts.flatMap((part) => (typeof part === 'string' ? [] : [part.gap]));
  const tokensOf = (fills: readonly string[]): number =>
    gaps.reduce<number>((sum, gap, i) => sum + (typeof gap === 'number' ? gap : model.tokenizer.encode(fills[i]!).length), 0);
  const written = texts.reduce((sum, { fills }) => sum + tokensOf(fills), 0);
  const answer: Infilling = {
    ...headOf('infill', 'infill', { model, seed }),
    choices: texts.map(({ text, fills }, index) => ({ index, text, fills: [...fills] })),
    usage: { prompt_tokens: promptTokens, completion_tokens: written, total_tokens: promptTokens + written },
  };
  events?.send(answer);
  return answer;
}
