import type { Graph } from '../graph/graph.js';
import { sinkBroadcasts } from './broadcast.js';
import { cleanUp } from './clean.js';
import { foldConstants } from './fold.js';
import { reassociate } from './reassociate.js';
import { prune } from './rewrite.js';
import { shareCommon } from './share.js';

/** Rounds after which a graph that still changes is taken as it is. */
const ROUNDS = 12;

/**
 * The same function in fewer and cheaper nodes: dead nodes removed, constants folded on tfjs-cpu, equal expressions
 * computed once, reshapes, transposes, casts and broadcasts merged or dropped.
 * Results differ from the original by rounding at most.
 */
export function optimize(graph: Graph): Graph {
  // Equal expressions first: constants of one kind are then folded once, however often the function wrote them.
  let current = prune(shareCommon(graph));
  for (let round = 0; round < ROUNDS; round++) {
    const before = current;
    for (const pass of [cleanUp, sinkBroadcasts, reassociate, foldConstants, shareCommon, prune]) current = pass(current);
    if (current === before) break;
  }
  return current;
}
