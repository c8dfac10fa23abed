import { sampling as table, type SamplingKey } from '@mdiff/config/sampling';
import type { Model, SamplingOptions } from '@mdiff/generate';

/** Settings that the playground shows: what holds if a request leaves them out. */
const SHOWN = ['temperature', 'top_p', 'num_steps', 'sampler', 'block_length', 'max_length'] as const satisfies readonly SamplingKey[];

/** A model as the playground knows it, from the server and from a site. */
export const pageModel = (
  { name, config, generation }: Pick<Model, 'name' | 'config' | 'generation'>,
  { folder, leftToRight, sampling = {} }: { readonly folder: string; readonly leftToRight: boolean; readonly sampling?: SamplingOptions },
) => ({
  id: name,
  /** its address, from that of the page */
  folder,
  max_seq_len: config.max_seq_len,
  left_to_right: leftToRight,
  generation: Object.fromEntries(SHOWN.map((key) => [key, sampling[table[key].option] ?? generation[key] ?? table[key].default])),
});
