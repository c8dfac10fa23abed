// Log-probabilities of the tokens of a choice, in the shape of OpenAI's completions.
import type { Model, TokenProbability } from '@mdiff/generate';

export interface LogProbs {
  /** A token that is a part of a character reads as `bytes:\xe2\x80`. */
  tokens: string[];
  /** null for a token that was given: of the prompt (`echo`), or of `words_at` */
  token_logprobs: (number | null)[];
  /** the likeliest tokens of each place, the one that was written among them; null as above */
  top_logprobs: (Record<string, number> | null)[];
  /** of each token in `text`, in characters: Unicode code points */
  text_offset: number[];
}

interface LogProbsArgs {
  readonly prompt: string;
  /** the prompt is a part of the text */
  readonly echo: boolean;
  readonly probabilities: readonly TokenProbability[];
}

/** OpenAI's figure for what is next to impossible; JSON knows no infinity. */
const LEAST = -9999;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function logprobsOf({ tokenizer }: Pick<Model, 'tokenizer'>, { prompt, echo, probabilities }: LogProbsArgs): LogProbs {
  const out: LogProbs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  const nameOf = (id: number): string => nameOfBytes(tokenizer.bytes(id));
  // The first new token brings back a space that the prompt ends in.
  const spaced = prompt.endsWith(' ');
  const given = echo ? tokenizer.encode(spaced ? prompt.slice(0, -1) : prompt) : [];
  let offset = spaced && !echo ? -1 : 0;
  const add = (id: number, logprob: number | null, top: Record<string, number> | null): void => {
    out.tokens.push(nameOf(id));
    out.token_logprobs.push(logprob);
    out.top_logprobs.push(top);
    out.text_offset.push(Math.max(0, offset));
    offset += characters(tokenizer.bytes(id));
  };
  for (const id of given) add(id, null, null);
  for (const { id, probability, alternatives } of probabilities) {
    if (probability === null) {
      add(id, null, null);
      continue;
    }
    const likely = alternatives.map(({ token, probability: p }) => [nameOf(token), logOf(p)] as const);
    add(id, logOf(probability), { ...Object.fromEntries(likely), [nameOf(id)]: logOf(probability) });
  }
  return out;
}

const logOf = (probability: number): number => Math.max(LEAST, Math.log(probability));

function nameOfBytes(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return `bytes:${Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
  }
}

/** Characters that begin in these bytes: the others go on with one. */
const characters = (bytes: Uint8Array): number => bytes.filter((byte) => (byte & 0xc0) !== 0x80).length;
