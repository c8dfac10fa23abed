import type { Sampler } from './sampler.js';
import { drawAll } from './score.js';

/**
 * From left to right, one token a pass: exact, as each token is drawn from its distribution given those before it. It asks for the first mask
 * alone, so its denoiser may be one that reads nothing behind that mask and keeps what it has read (a causal network with a cache).
 */
export const causal: Sampler = {
  name: 'causal',
  paced: false,
  keepsRead: true,
  schedule: (masks) => Array.from({ length: masks }, (_, k) => masks - 1 - k),
  choose: ({ masked }) => ({ evaluate: masked.slice(0, 1), remask: new Int32Array(0) }),
  step: drawAll,
};
