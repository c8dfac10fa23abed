// A draft from left to right, which the denoiser then revises where it finds it unlikely.
import { mustBe } from '@mdiff/arguments';
import { stream } from '@mdiff/diffusion';
import { encodeBefore, type Gap, type Layout } from './canvas.js';
import { GenerateError } from './errors.js';
import { cut, decodeGap, RUN_OPTIONS, type RunOptions, type Target } from './fill.js';
import { generate, type Text } from './generate.js';
import type { Model } from './model.js';
import { checkNames, resolveSampling } from './options.js';
import { crossEntropies, type Question } from './passes.js';
import { wordRules } from './rules.js';
import { fillWholeWords } from './wholewords.js';
import { canvasOf } from './words.js';

export interface DraftOptions extends RunOptions {
  /** Text to continue. */
  readonly prompt?: string;
  /** The most new tokens; with the prompt they fit the model. Replaces `maxLength`. */
  readonly maxTokens?: number;
  /** Share of the new tokens that is written again, from 0 to 1; 0.2 unless given. `sampler` fills them. */
  readonly share?: number;
}

export interface Draft extends Text {
  /** The new text before it was revised. */
  readonly draft: string;
  /** Tokens that were written again; some got their old value. */
  readonly revised: number;
}

/** Each token is asked for once, with this part of the new tokens masked. */
const GROUPS = 4;

/**
 * Writes `n` texts from left to right, then masks the tokens that the denoiser finds least likely given the others, and fills them. The result is
 * exact for no distribution: it moves a draft towards what the denoiser prefers. Throws {@link GenerateError}.
 */
export async function draft(model: Model, options: DraftOptions = {}): Promise<{ texts: Draft[]; promptTokens: number }> {
  mustBe('draft', 'model', model, 'object');
  checkNames('draft', options, ['prompt', 'maxTokens', 'share', ...RUN_OPTIONS]);
  const { share = 0.2, ...rest } = options;
  if (typeof share !== 'number' || !(share >= 0 && share <= 1))
    throw new GenerateError(`share: expected a number from 0 to 1, got ${JSON.stringify(share)}`);
  const chosen = resolveSampling(model.generation, rest);
  const sampling = chosen.sampler === 'causal' ? ({ ...chosen, sampler: 'confidence' } as const) : chosen;
  wordRules(model, rest, sampling);
  const causal = { ...rest, seed: chosen.seed, sampler: 'causal', earlyCommit: false, remasking: 0 } as const;
  const { texts, promptTokens } = await generate(model, causal);
  const written = texts.map((text) => layoutOf(model, rest.prompt ?? '', text));
  const doubts = await unlikely(model, written, share, rest.signal);
  const targets = written.map(({ canvas, offset, spaced, first }, row): Target => {
    const layout = masked(model, { ids: canvas, offset, spaced, first }, doubts[row]!);
    return { layout, row, seed: stream(texts[row]!.seed, 'revision').int(2 ** 32) };
  });
  const results = await fillWholeWords({ model, sampling, targets }, rest);
  const revised = results.map((result, row): Draft => {
    const { canvas, first, spaced } = written[row]!;
    const text = texts[row]!;
    const whole = decodeGap(model, result, { start: first, spaced }, canvas.length - 1 - first);
    const completion = doubts[row]!.length === 0 ? text.completion : cut(whole, sampling.stop);
    const tokens = model.tokenizer.encode(completion).length;
    const nfe = text.nfe + GROUPS + result.nfe;
    return {
      ...text,
      text: (rest.prompt ?? '') + completion,
      completion,
      tokens,
      nfe,
      draft: text.completion,
      revised: doubts[row]!.length,
    };
  });
  return { texts: revised, promptTokens };
}

interface Written {
  /** `[BOS]` with `shift_head`, prompt, new text, `[EOS]` */
  readonly canvas: Int32Array;
  /** position of the first new token */
  readonly first: number;
  readonly offset: number;
  readonly spaced: boolean;
}

function layoutOf(model: Model, prompt: string, { completion }: Text): Written {
  const { config, tokenizer } = model;
  const { ids, spaced } = encodeBefore(tokenizer, prompt);
  const canvas = canvasOf(config, Int32Array.from([...ids, ...tokenizer.encode(spaced ? ` ${completion}` : completion)]));
  if (canvas.length > config.max_seq_len) {
    throw new GenerateError(
      `draft: prompt and new text have ${canvas.length} tokens, and the denoiser sees ${config.max_seq_len} at once (model.max_seq_len); give a smaller maxTokens`,
    );
  }
  const offset = config.shift_head ? 1 : 0;
  return { canvas, offset, spaced, first: offset + ids.length };
}

/** Of each text, the positions of the tokens that are least likely given the rest, ascending. */
async function unlikely(model: Model, texts: readonly Written[], share: number, signal?: AbortSignal): Promise<number[][]> {
  const questions = texts.flatMap(({ canvas, first }) =>
    Array.from({ length: GROUPS }, (_, group): Question => {
      const positions = Int32Array.from(canvas.keys()).filter((p) => p >= first && p < canvas.length - 1 && (p - first) % GROUPS === group);
      const asked = canvas.slice();
      for (const p of positions) asked[p] = model.config.mask_token_id;
      return { canvas: asked, positions, targets: positions.map((p) => canvas[p]!) };
    }),
  );
  const { nats } = await crossEntropies(model, questions, signal && { signal });
  return texts.map(({ canvas, first }, t) => {
    const count = Math.round(share * (canvas.length - 1 - first));
    const all = questions
      .slice(t * GROUPS, (t + 1) * GROUPS)
      .flatMap(({ positions }, group) => [...positions].map((position, i) => ({ position, nats: nats[t * GROUPS + group]![i]! })));
    const least = all.sort((a, b) => b.nats - a.nats || a.position - b.position).slice(0, count);
    return least.map(({ position }) => position).sort((a, b) => a - b);
  });
}

/** The canvas with masks at these positions; neighbours are one gap. */
function masked(
  { config }: Model,
  { ids, offset, spaced, first }: Pick<Written, 'offset' | 'spaced' | 'first'> & { ids: Int32Array },
  positions: readonly number[],
): Layout {
  const gaps: Gap[] = [];
  const canvas = ids.slice();
  for (const p of positions) {
    canvas[p] = config.mask_token_id;
    const last = gaps.at(-1);
    if (last && last.start + last.length === p) gaps[gaps.length - 1] = { ...last, length: last.length + 1 };
    else gaps.push({ start: p, length: 1, spaced: spaced && p === first });
  }
  return { ids: canvas, gaps, textTokens: ids.length - offset - 1, offset };
}
