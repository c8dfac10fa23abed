import { inputOf, valuesByKey } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { everyone, followLeader, hear, installedEngines, watchRanks } from '@mdiff/engine';
import type { Communicator, Engine } from '@mdiff/engine';
import { MdiffError, closing } from '@mdiff/folder';
import { prepare } from '@mdiff/prepare';
import type { Prepared } from '@mdiff/prepare';
import { openLoader } from '../loader.js';
import type { Loader } from '../loader.js';
import { openEngine } from '../open.js';
import { storedUnits } from '../pseudo.js';
import { silent } from '../reporter.js';
import { stagesOf } from '../stages.js';
import type { Stages } from '../stages.js';
import { differenceOf } from './lead.js';
import { receiveEntries } from './cache.js';
import { helpLeader } from './helpers.js';
import { meet } from './meet.js';
import type { Meeting } from './meet.js';
import { digestOf } from './messages.js';
import type { Added, Begin, Digest, End, Planned } from './messages.js';

// A rank that follows rank 0: it helps to prepare the text, draws its own batches of each step, and writes nothing but what its cache lacks.

export interface FollowOptions {
  comm: Communicator;
  warn(text: string): void;
}

/** Follows rank 0 to the end of its run. @returns the exit code, which is that of rank 0; what ends a run is said by rank 0 */
export async function follow(asked: ProjectConfig, { comm, warn }: FollowOptions): Promise<number> {
  let meeting: Meeting;
  try {
    meeting = await meet(comm, asked);
  } catch (error) {
    if (!(error instanceof MdiffError && error.code === 'MDIFF_RANKS')) throw error;
    await comm.close();
    return error.exitCode; // rank 0 shows the same error
  }
  const { names } = meeting;
  const end = (line: string): void => {
    warn(line);
    comm.abort(1);
  };
  const watch = watchRanks(comm, names, end);
  try {
    const code = await followTo(asked, { comm, ...meeting, onStep: () => (watch.strict = true) });
    watch.stop();
    await comm.close();
    return code;
  } catch (error) {
    const { message } = error as Error;
    end(`${names[comm.rank]}: ${message.split('\n')[0]}; the job ends on all ranks; run the command again with --resume`);
    return new Promise(() => undefined); // MPI ends this process
  }
}

interface Following {
  comm: Communicator;
  names: readonly string[];
  onStep(): void;
}

async function followTo(asked: ProjectConfig, { comm, names, threads, onStep }: Following & Meeting): Promise<number> {
  await helpLeader(comm, asked, asked.hardware.cpu_threads || threads);
  const begin = await hear<Begin | End>(comm, 0);
  if (begin.op === 'end') return begin.code;
  const config = asked.with(inputOf(valuesHere(begin.config, asked)));
  let prepared: Prepared | undefined;
  let digest: Digest;
  try {
    await receiveEntries(comm, config.cache_dir, begin.entries);
    prepared = await prepare(config, silent, { tokenizerJson: begin.tokenizerJson });
    digest = digestOf(prepared, begin.tokenizerJson);
  } catch (error) {
    digest = { failed: (error as Error).message.split('\n')[0]! };
  }
  if (differenceOf(await everyone(comm, digest), names) !== undefined) return 1; // rank 0 says which
  const engine = await openHere(config, begin);
  return closing(engine, () => followSteps(engine, { config, prepared: prepared!, comm, names, onStep }));
}

/** The places are those of this machine. */
const PLACES = new Set(['output_dir', 'cache_dir', 'data_dir', 'data.source', 'data.val_source']);

/** The values in which rank 0 differs from this rank. No others: a default that is set counts as asked for, and the default encoder may be absent. */
const valuesHere = (values: Record<string, unknown>, config: ProjectConfig): Record<string, unknown> => {
  const own = valuesByKey(config);
  const differs = ([key, value]: [string, unknown]): boolean => !PLACES.has(key) && JSON.stringify(value) !== JSON.stringify(own[key]);
  return Object.fromEntries(Object.entries(values).filter(differs));
};

function openHere(config: ProjectConfig, { setting }: Begin): Promise<Engine> {
  const tensorflow =
    setting.engine === 'tfjs_node' ? installedEngines(config.cache_dir).tensorflow[setting.device as 'cpu' | 'cuda'] : undefined;
  return openEngine(config, { setting, ...(tensorflow && { tensorflow }) });
}

async function followSteps(
  engine: Engine,
  { config, prepared, comm, names, onStep }: Following & { config: ProjectConfig; prepared: Prepared },
): Promise<number> {
  let plan: { stages: Stages; loader: Loader } | undefined;
  const close = async (): Promise<void> => plan?.loader.close();
  const onTold = async (value: Planned | Added): Promise<void> => {
    if ('pseudo' in value) {
      plan!.stages.addUnits(storedUnits(value.pseudo));
      plan!.loader.forget();
      return;
    }
    await close();
    const planned = config.with(inputOf(valuesHere(value.plan.config, config)));
    const stages = stagesOf(planned, prepared, value.plan.ranks);
    plan = { stages, loader: openLoader(planned, stages) };
  };
  return closing({ close }, () =>
    followLeader(engine, {
      comm,
      names,
      exchange: config.training.gradient_exchange,
      draw: async (step) => (onStep(), (await plan!.loader.input(step)).batches),
      ahead: (step) => plan!.loader.ahead(step),
      onTold: (value) => onTold(value as Planned | Added),
    }),
  );
}
