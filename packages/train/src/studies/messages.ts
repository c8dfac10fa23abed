import type { ProjectConfig } from '@mdiff/config';
import { everyone, ranksError } from '@mdiff/engine';
import type { Communicator } from '@mdiff/engine';
import { digestSources } from '@mdiff/prepare';
import type { SourceDigests } from '@mdiff/prepare';
import { meet } from '../ranks/meet.js';
import type { Meeting } from '../ranks/meet.js';
import type { Failed, Measured, StudyRun } from './measured.js';

// What the ranks of a study tell each other. Rank 0 tells all of them each order, in one sequence; their results go to rank 0 alone.

export type Order = { op: 'train'; rank: number; run: StudyRun } | { op: 'stop' } | { op: 'end'; code: number };

/** What became of a run: its figures, null if it was stopped, or what ends the study. */
export type Outcome = { result: Measured | Failed | null } | { fault: { code: string; message: string; exitCode: number } };

/** What a lost rank asks of the user. */
export const GO_ON = 'the same command goes on from what is saved';

const WORDS: Readonly<Record<keyof SourceDigests, string>> = {
  text: 'text (data.source)',
  heldOut: 'held-out text (data.val_source)',
  tokenizer: 'tokenizer (tokenizer.path)',
  embedder: 'sentence encoder (curriculum.embedding_model)',
  base: 'base model (model.init_from)',
};

/** Introduces this rank to all others, and compares what their runs read. @throws MdiffError MDIFF_RANKS on every rank, with the same message */
export async function meetForStudy(comm: Communicator, config: ProjectConfig): Promise<Meeting> {
  const meeting = await meet(comm, config);
  const own = await digestSources(config).catch((error: Error) => error.message.split('\n')[0]!);
  const all = await everyone(comm, own);
  for (const [rank, digests] of all.entries()) {
    const first = all[0]!;
    const name = meeting.names[rank]!;
    if (typeof digests === 'string') throw ranksError(rank === 0 ? digests : `${name}: ${digests}`);
    const other = (Object.keys(WORDS) as (keyof SourceDigests)[]).find((key) => digests[key] !== (first as SourceDigests)[key]);
    if (other !== undefined) throw ranksError(`${name} has another ${WORDS[other]} than rank 0: give every machine the same files`);
  }
  return meeting;
}
