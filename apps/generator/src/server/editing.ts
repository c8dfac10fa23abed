import { rewrite, type Model, type Span } from '@mdiff/generate';
import { seedOf, type AnswerArgs } from './completions.js';
import { watchSteps } from './frames.js';
import { headOf } from './head.js';
import { biasOf } from './prompts.js';
import { samplingOf, wordsOf, type Editing, type EditRequest } from './schema.js';
import type { Events } from './stream.js';

/** Options of the server that have no effect on a text whose length and end stand. */
const IDLE = ['maxLength', 'minLength', 'stop'];

/** Answers one request of `POST /v1/edit`: a text with some of its words written anew. */
export async function edit(
  model: Model,
  { body, sampling, signal, events, onText }: AnswerArgs<EditRequest> & { events?: Events<Editing> },
): Promise<Editing> {
  const seed = seedOf(body, sampling, model);
  const { text, share, words, spans } = body;
  const { texts, promptTokens } = await rewrite(model, text, {
    ...Object.fromEntries(Object.entries(sampling).filter(([option]) => !IDLE.includes(option))),
    ...samplingOf(body),
    ...wordsOf(body),
    ...biasOf(body, model),
    ...(share != null && { share }),
    ...(words && { words }),
    ...(spans && { spans: inUnits(text, spans) }),
    n: body.n ?? 1,
    seed,
    signal,
    ...watchSteps(model, { body, sampling, events, first: 0 }),
  });
  const tokensOf = (some: readonly { before: string }[]): number =>
    some.reduce((sum, { before }) => sum + model.tokenizer.encode(before).length, 0);
  let written = 0;
  const choices = texts.map(({ text: edited, edits, nfe }, index): Editing['choices'][number] => {
    onText?.(nfe);
    written += tokensOf(edits);
    return { index, text: edited, edits: edits.map((change) => ({ ...change, ...inCharacters(edited, change) })) };
  });
  const answer: Editing = {
    ...headOf('edit', 'edit', { model, seed }),
    choices,
    usage: { prompt_tokens: promptTokens, completion_tokens: written, total_tokens: promptTokens + written },
  };
  events?.send(answer);
  return answer;
}

/** Spans in characters (Unicode code points), as JavaScript counts: a character beyond U+FFFF is two of its units. A place behind the text stays one. */
function inUnits(text: string, spans: readonly Span[]): Span[] {
  const starts: number[] = [];
  let unit = 0;
  for (const character of text) {
    starts.push(unit);
    unit += character.length;
  }
  const place = (character: number): number => starts[character] ?? unit + character - starts.length;
  return spans.map(([start, end]) => [place(start), place(end)]);
}

const inCharacters = (text: string, { start, end }: { start: number; end: number }): { start: number; end: number } => ({
  start: [...text.slice(0, start)].length,
  end: [...text.slice(0, end)].length,
});
