import type { Rng } from './random.js';
import type { Sampler } from './sampler.js';
import { expectedSchedule, shareLeft } from './schedule.js';
import { drawAll } from './score.js';

const NONE = new Int32Array(0);

/** Keeps each position with probability `p`, independently of the others. */
function thin(positions: Int32Array, p: number, rng: Rng): Int32Array {
  const kept: number[] = [];
  for (const position of positions) if (rng.next() < p) kept.push(position);
  return kept.length > 0 ? new Int32Array(kept) : NONE;
}

/**
 * Ancestral sampling of the reverse process (MDLM, arXiv 2406.07524, section 3): from mask ratio t to s each mask is revealed with probability
 * (t − s)/t; exact in the limit of many steps. numSteps may exceed the number of masks, because a step that reveals nothing costs no
 * denoiser call. With remasking it is ReMDM (arXiv 2503.00307), σ capped by the option `remasking`.
 */
export const ancestral: Sampler = {
  name: 'ancestral',
  paced: true,
  schedule: expectedSchedule,
  choose({ masked, committed, total, step, of, options: { schedule, remasking }, rng }) {
    if (step === of) return { evaluate: masked, remask: NONE };
    const alphaT = 1 - shareLeft(schedule, { step: step - 1, of, total });
    const alphaS = 1 - shareLeft(schedule, { step, of, total });
    const sigma = alphaT > 0 ? Math.min(remasking, (1 - alphaS) / alphaT) : 0;
    const reveal = (alphaS - (1 - sigma) * alphaT) / (1 - alphaT);
    return {
      evaluate: thin(masked, reveal, rng),
      remask: sigma > 0 ? thin(committed, sigma, rng) : NONE,
    };
  },
  step: drawAll,
};

/**
 * First-hitting sampling (arXiv 2409.02908): one uniformly chosen mask per pass, as many passes as masks. It draws from
 * the distribution of ancestral sampling with infinitely many steps. The times of the passes are not drawn: the denoiser does not read them.
 */
export const firstHitting: Sampler = {
  name: 'first_hitting',
  paced: false,
  schedule: (masks) => Array.from({ length: masks }, (_, k) => masks - 1 - k),
  choose: ({ masked, rng }) => {
    const i = rng.int(masked.length);
    return { evaluate: masked.slice(i, i + 1), remask: NONE };
  },
  step: drawAll,
};
