import type { Graph } from '../graph/graph.js';
import { sinkBroadcasts } from './broadcast.js';
import { cleanUp } from './clean.js';
import { foldConstants } from './fold.js';
import { reassociate } from './reassociate.js';
import { prune } from './rewrite.js';
import { shareCommon } from './share.js';

/** Largest number of rounds; `optimize` stops earlier when a round changes nothing. */
const ROUNDS = 12;

/**
 * Writes the same function in fewer and cheaper nodes. It removes dead nodes, folds constants on tfjs-cpu, computes equal
 * expressions once, and merges or drops reshapes, transposes, casts and broadcasts.
 * Results differ from the original by rounding at most.
 */
export function optimize(graph: Graph): Graph {
  // Equal expressions first, so that a constant which the function wrote several times is folded once.
  let current = prune(shareCommon(graph));
  for (let round = 0; round < ROUNDS; round++) {
    const before = current;
    for (const pass of [cleanUp, sinkBroadcasts, reassociate, foldConstants, shareCommon, prune]) current = pass(current);
    if (current === before) break;
  }
  return current;
}
