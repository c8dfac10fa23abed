import { mustBe } from '@mdiff/arguments';
import type { Graph } from '../graph/graph.js';
import { sinkBroadcasts } from './broadcast.js';
import { cleanUp } from './clean.js';
import { foldConstants } from './fold.js';
import { reassociate } from './reassociate.js';
import { prune } from './rewrite.js';
import { shareCommon } from './share.js';

/** Largest number of rounds; `optimize` stops earlier when a round changes nothing. */
const ROUNDS = 12;

export interface OptimizeOptions {
  /**
   * Multiply and add in another order where that writes fewer elements, as the fast mathematics of a compiler does. An intermediate value may
   * then overflow, underflow or be NaN where it was not before, or the other way round, and −0 may become 0. For functions whose values stay
   * far from the ends of float32, such as training steps.
   */
  reorder?: boolean;
}

/**
 * Writes the same function in fewer and cheaper nodes. It removes dead nodes, folds constants on tfjs-cpu, computes equal
 * expressions once, and merges or drops reshapes, transposes, casts and broadcasts.
 * Results differ from the original by rounding at most: infinities, NaN, zeros and their signs stay, unless `reorder` is set.
 */
export function optimize(graph: Graph, options: OptimizeOptions = {}): Graph {
  mustBe('optimize', 'graph', graph, 'object');
  mustBe('optimize', 'options', options, 'object');
  const { reorder = false } = options;
  const clean = (current: Graph): Graph => cleanUp(current, { reorder });
  const passes = [clean, sinkBroadcasts, ...(reorder ? [reassociate] : []), foldConstants, shareCommon, prune];
  // Equal expressions first, so that a constant which the function wrote several times is folded once.
  let current = prune(shareCommon(graph));
  for (let round = 0; round < ROUNDS; round++) {
    const before = current;
    for (const pass of passes) current = pass(current);
    if (current === before) break;
  }
  return current;
}
