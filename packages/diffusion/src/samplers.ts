import { mustBe } from '@mdiff/arguments';
import { ancestral, firstHitting } from './ancestral.js';
import { causal } from './causal.js';
import { DiffusionError } from './error.js';
import { confidence, entropy, margin, threshold } from './ranked.js';
import type { Sampler, SamplerName } from './sampler.js';

export const samplers: Readonly<Record<SamplerName, Sampler>> = {
  ancestral,
  first_hitting: firstHitting,
  confidence,
  margin,
  entropy,
  threshold,
  causal,
};

/** Looks a sampler up by name; throws `MDIFF_SAMPLING` for a name that is not in the table. */
export function sampler(name: string): Sampler {
  mustBe('sampler', 'name', name, 'string');
  if (Object.hasOwn(samplers, name)) return samplers[name as SamplerName];
  throw new DiffusionError('MDIFF_SAMPLING', `sampler: expected one of ${Object.keys(samplers).join(', ')}, got "${name}"`);
}
