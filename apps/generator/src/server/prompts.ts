// The prompts of a request as texts, and its biases by token id.
import { RESERVED } from '@mdiff/folder';
import type { Model } from '@mdiff/generate';
import { RequestError } from './errors.js';
import { MAX_CHOICES, type Prompt, type SamplingRequest } from './schema.js';

type Vocabulary = Pick<Model, 'tokenizer'>;

/** The texts to continue, in order. mdiff encodes the text of token ids again, so that all kinds of prompt mean the same. */
export function promptsOf(prompt: Prompt | null | undefined, n: number, model: Vocabulary): string[] {
  const texts = typeof prompt === 'string' ? [prompt] : listOf(prompt ?? [''], model);
  if (texts.length * n > MAX_CHOICES)
    throw new RequestError(
      `n: expected at most ${MAX_CHOICES} texts for all prompts together, got ${texts.length} prompts × n ${n}; send several requests`,
      { param: 'n' },
    );
  return texts;
}

function listOf(prompt: Exclude<Prompt, string>, model: Vocabulary): string[] {
  if (typeof prompt[0] === 'number') return [textOf(prompt as number[], model)];
  return (prompt as (string | number[])[]).map((entry) => (typeof entry === 'string' ? entry : textOf(entry, model)));
}

function textOf(ids: readonly number[], { tokenizer }: Vocabulary): string {
  for (const id of ids) checkId('prompt', id, tokenizer.vocabSize);
  const text = tokenizer.decode(Int32Array.from(ids));
  if (text.includes('\ufffd'))
    throw new RequestError('prompt: these token ids are no UTF-8 text; begin and end them between two characters', { param: 'prompt' });
  return text;
}

/** The first ids of a vocabulary are no text. */
const FIRST = Object.keys(RESERVED).length;

function checkId(param: string, id: number, size: number): void {
  if (Number.isInteger(id) && id >= FIRST && id < size) return;
  throw new RequestError(
    `${param}: expected token ids of this model's tokenizer, from ${FIRST} to ${size - 1}, got ${id}; ids of other models mean other text`,
    { param },
  );
}

/** `logit_bias` as an option of @mdiff/generate. */
export function biasOf({ logit_bias }: SamplingRequest, { tokenizer }: Vocabulary): { logitBias?: Record<number, number> } {
  const entries = Object.entries(logit_bias ?? {});
  if (entries.length === 0) return {};
  for (const [id] of entries) {
    if (!/^\d{1,9}$/.test(id))
      throw new RequestError(`logit_bias: expected token ids as keys, got ${JSON.stringify(id)}`, { param: 'logit_bias' });
    checkId('logit_bias', Number(id), tokenizer.vocabSize);
  }
  return { logitBias: Object.fromEntries(entries) };
}
