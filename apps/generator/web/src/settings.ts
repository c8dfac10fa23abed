// What the sliders hold. A setting that nobody has touched is absent: the model's own value then holds.
import { sampling } from '@mdiff/config/sampling';

export type SamplerName = (typeof sampling.sampler.range.enum)[number];

export interface Settings {
  readonly length?: number;
  readonly steps?: number;
  readonly temperature?: number;
  readonly sampler?: SamplerName;
  /** tokens; 0 = the whole text at once */
  readonly block?: number;
  readonly seed?: number;
}

/** A word, and its place among the tokens that are written. */
export interface Placed {
  readonly at: number;
  readonly word: string;
}

/** A model as the page knows it (playground.json). */
export interface PageModel {
  readonly id: string;
  readonly max_seq_len: number;
  /** has a graph that writes from left to right, which the sampler `causal` needs */
  readonly left_to_right: boolean;
  readonly generation: {
    readonly temperature: number;
    readonly top_p: number | null;
    readonly num_steps: number;
    readonly sampler: SamplerName;
    readonly block_length: number | null;
    readonly max_length: number;
  };
}

export const SAMPLERS: readonly { readonly name: SamplerName; readonly label: string; readonly hint: string }[] = [
  { name: 'confidence', label: 'Confidence', hint: 'the surest tokens first' },
  { name: 'margin', label: 'Margin', hint: 'first where the best token leads the second by most' },
  { name: 'entropy', label: 'Entropy', hint: 'first where the fewest tokens are possible' },
  { name: 'threshold', label: 'Threshold', hint: 'all tokens at once that are sure enough' },
  { name: 'first_hitting', label: 'First hitting', hint: 'one random position a pass' },
  { name: 'ancestral', label: 'Ancestral', hint: 'random positions, as in training' },
  { name: 'causal', label: 'Left to right', hint: 'one token after the other, as other language models write' },
];

/** Tokens that a text is continued by, unless you say otherwise. */
const LENGTH = 48;

/** Every setting with the value that holds. */
export function effective(settings: Settings, model: PageModel | undefined): Required<Omit<Settings, 'seed'>> {
  const own = model?.generation;
  const most = (model?.max_seq_len ?? 512) - 2;
  return {
    length: Math.min(settings.length ?? LENGTH, most),
    steps: settings.steps ?? own?.num_steps ?? sampling.num_steps.default,
    temperature: settings.temperature ?? own?.temperature ?? sampling.temperature.default,
    sampler: settings.sampler ?? own?.sampler ?? sampling.sampler.default,
    block: settings.block ?? own?.block_length ?? 0,
  };
}

/** The sampling parameters of a request: those that were touched. */
export function parametersOf(
  { steps, temperature, sampler, block }: Settings,
  model: PageModel | undefined,
): Record<string, number | string> {
  return {
    ...(temperature !== undefined && { temperature }),
    ...(steps !== undefined && { num_steps: steps }),
    ...(sampler !== undefined && { sampler }),
    // A block of the model's length is the whole text; null would leave the model's own value.
    ...(block !== undefined && { block_length: block === 0 ? (model?.max_seq_len ?? 65_536) : block }),
  };
}
