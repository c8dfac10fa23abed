import { relative } from 'node:path';
import { valuesByKey } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { everyone, leadingEngine, ranksError, tell, watchRanks } from '@mdiff/engine';
import type { Communicator, Engine, EngineSetting, LeadingEngine, StepEngine } from '@mdiff/engine';
import type { Helper, Prepared } from '@mdiff/prepare';
import type { PseudoData } from '../pseudo.js';
import { handOver } from './cache.js';
import { helpersOf } from './helpers.js';
import { meet } from './meet.js';
import { WORDS, digestOf } from './messages.js';
import type { Added, Begin, Digest, End, Planned } from './messages.js';

// Rank 0 of a run on several ranks. It alone decides and writes; the others are told.

export interface Lead {
  readonly ranks: number;
  /** threads for each rank, where the configuration leaves them open */
  readonly threads: number;
  /** the other ranks, which take parts of the preparation until the run begins */
  readonly helpers: readonly Helper[];
  /** Gives the other ranks the `entries` of the cache that they lack, and waits until all ranks have prepared the same text. @throws MdiffError MDIFF_RANKS naming the rank that has another */
  begin(run: {
    config: ProjectConfig;
    setting: EngineSetting;
    tokenizerJson: string;
    prepared: Prepared;
    entries: readonly string[];
  }): Promise<void>;
  /** This rank's engine becomes that of all ranks. */
  lead(engine: Engine, config: ProjectConfig): StepEngine;
  /** `ranks`: those that the run began with, whose batches make a step */
  plan(config: ProjectConfig, ranks: number): Promise<void>;
  add(pseudo: PseudoData): Promise<void>;
  /** From now on a rank whose event loop stands still is taken for lost, or no longer. */
  watch(strict: boolean): void;
  /** Ends all ranks with this exit code. `message` is shown first if it has to be done by force. */
  end(code: number, message?: string): Promise<void>;
}

export interface LeadOptions {
  comm: Communicator;
  warn(text: string): void;
}

/** Meets the other ranks. @throws MdiffError MDIFF_RANKS if they differ */
export async function leadRanks(config: ProjectConfig, { comm, warn }: LeadOptions): Promise<Lead> {
  const { names, threads } = await meet(comm, config);
  const watch = watchRanks(comm, names, (line) => {
    warn(line);
    comm.abort(1);
  });
  const helpers = helpersOf(comm, { names, threads });
  let leading: LeadingEngine | undefined;
  let over = false;
  return {
    ranks: comm.size,
    threads,
    helpers: helpers.list,
    begin: async ({ config: own, setting, tokenizerJson, prepared, entries }) => {
      await helpers.dismiss();
      const inCache = [...new Set(entries)].map((path) => relative(own.cache_dir, path));
      await tell(comm, { op: 'begin', config: valuesByKey(own), setting, tokenizerJson, entries: inCache } satisfies Begin);
      await handOver(comm, own.cache_dir, inCache);
      const digests = await everyone(comm, digestOf(prepared, tokenizerJson));
      const problem = differenceOf(digests, names);
      if (problem === undefined) return;
      over = true; // the others have seen it too
      throw ranksError(problem);
    },
    lead: (engine, { training }) => (leading = leadingEngine(engine, { comm, exchange: training.gradient_exchange, names })),
    plan: (planned, ranks) => leading!.tell({ plan: { config: valuesByKey(planned), ranks } } satisfies Planned),
    add: (pseudo) => leading!.tell({ pseudo } satisfies Added),
    watch: (strict) => void (watch.strict = strict),
    end: async (code, message) => {
      watch.stop();
      if (leading?.busy) {
        if (message !== undefined) warn(message);
        comm.abort(code || 1);
        await new Promise(() => undefined); // MPI ends this process
      }
      if (leading) await leading.dismiss(code);
      else if (!over) {
        await helpers.dismiss();
        await tell(comm, { op: 'end', code } satisfies End);
      }
      await comm.close();
    },
  };
}

/** The first rank that has prepared something else than rank 0, in words. */
export function differenceOf(digests: readonly Digest[], names: readonly string[]): string | undefined {
  const first = digests[0]!;
  for (const [rank, digest] of digests.entries()) {
    if ('failed' in digest) return `${names[rank]}: ${digest.failed}`;
    const part = (['text', 'tokenizer', 'units'] as const).find((name) => 'failed' in first || digest[name] !== first[name]);
    if (part !== undefined)
      return `${names[rank]} has prepared another ${WORDS[part]} than rank 0: give every machine the same files (data.source) and the same cache`;
  }
  return undefined;
}
