// Log-probabilities of the tokens of a choice, in the shape of OpenAI's completions.
import type { Model, TokenProbability } from '@mdiff/generate';

export interface LogProbs {
  /** A token that is a part of a character reads as `bytes:\xe2\x80`. */
  tokens: string[];
  /** null for a token that was given (`words_at`), for the first of a prompt (`echo`), and for all of it where the model cannot predict the next token */
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
  /** of the tokens of the prompt, by next-token prediction */
  readonly before?: readonly TokenProbability[] | undefined;
}

/** The tokens of a prompt. The first new token brings back a space that it ends in. */
export const givenText = (prompt: string): string => (prompt.endsWith(' ') ? prompt.slice(0, -1) : prompt);

/** OpenAI's figure for what is next to impossible; JSON knows no infinity. */
const LEAST = -9999;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function logprobsOf({ tokenizer }: Pick<Model, 'tokenizer'>, { prompt, echo, probabilities, before }: LogProbsArgs): LogProbs {
  const out: LogProbs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  const nameOf = (id: number): string => nameOfBytes(tokenizer.bytes(id));
  const given = echo ? tokenizer.encode(givenText(prompt)) : [];
  let offset = prompt.endsWith(' ') && !echo ? -1 : 0;
  const add = (id: number, logprob: number | null, top: Record<string, number> | null): void => {
    out.tokens.push(nameOf(id));
    out.token_logprobs.push(logprob);
    out.top_logprobs.push(top);
    out.text_offset.push(Math.max(0, offset));
    offset += characters(tokenizer.bytes(id));
  };
  const prompted = Array.from(given, (id, i): TokenProbability => {
    // Nothing stands before the first token: as OpenAI has it, it has no figure.
    const known = i === 0 ? undefined : before?.[i];
    return known ?? { id, probability: null, alternatives: [] };
  });
  for (const { id, probability, alternatives } of [...prompted, ...probabilities]) {
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
