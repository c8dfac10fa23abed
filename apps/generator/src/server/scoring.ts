import { score, type Model } from '@mdiff/generate';
import type { AnswerArgs } from './completions.js';
import { RequestError } from './errors.js';
import { headOf } from './head.js';
import type { ScoreRequest, Scoring } from './schema.js';

/** Answers one request of `POST /v1/score`: how likely the model finds each text, by the bound that training reports. */
export async function scoreTexts(model: Model, { body, signal, onText }: AnswerArgs<ScoreRequest>): Promise<Scoring> {
  const scores: Scoring['scores'] = [];
  let seed = 0;
  for (const [index, text] of [body.text].flat().entries()) {
    if (text.trim() === '') throw new RequestError(`text: no words to score in text ${index}; give at least one`, { param: 'text' });
    const figures = await score(model, text, { signal, words: body.per === 'word', ...(body.seed != null && { seed: body.seed }) });
    onText?.(figures.nfe);
    seed = figures.seed;
    scores.push({
      index,
      tokens: figures.tokens,
      bytes: figures.bytes,
      nats: figures.nats,
      nats_per_token: figures.natsPerToken,
      nats_per_token_error: known(figures.natsPerTokenError),
      bits_per_byte: figures.bitsPerByte,
      bits_per_byte_error: known(figures.bitsPerByteError),
      ...(body.per === 'word' && { words: figures.units.flatMap(({ words = [] }) => [...words]) }),
    });
  }
  const tokens = scores.reduce((sum, entry) => sum + entry.tokens, 0);
  return {
    ...headOf('score', 'score', { model, seed }),
    scores,
    usage: { prompt_tokens: tokens, completion_tokens: 0, total_tokens: tokens },
  };
}

/** JSON has no NaN. */
const known = (value: number): number | null => (Number.isNaN(value) ? null : value);
