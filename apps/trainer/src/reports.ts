import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectConfig } from '@mdiff/config';
import { diskError, places } from '@mdiff/folder';
import { makeFolder, writeFileWhole } from '@mdiff/folder/node';
import { firstEvents, runPage, scalarEvent, textEvent } from '@mdiff/report';
import type { RunPageRecord } from '@mdiff/report';
import type { MetricLine, Sample } from '@mdiff/train';
import { pageRecord } from './runrecord.js';

// What `reports` asks for: a page at the end of a run, and event files while it goes on.

/** The content of the page of the run in `folder`, as it stands now. */
export async function readPageRecord(folder: string, state: RunPageRecord['state']): Promise<RunPageRecord> {
  const { describeTime, overviewAt, readMetrics, readSamples } = await import('@mdiff/train');
  const lines = await readMetrics(join(folder, 'metrics.jsonl'));
  const overview = await overviewAt(folder);
  const time = describeTime(overview.run.record?.spent);
  return { ...pageRecord(overview, lines, { state, time }), samples: await readSamples(folder) };
}

/** Writes the page of the run in `folder`. @returns its path */
async function writeRunPage(folder: string, state: RunPageRecord['state']): Promise<string> {
  const path = join(folder, 'report.html');
  const record = await readPageRecord(folder, state);
  await writeFileWhole(path, runPage(record), places.run);
  return path;
}

/** The curves of held-out figures are by the same masks all the way. */
const scalars = (line: MetricLine): Record<string, number | undefined> => scalarsOf({ ...line, ...line.brief });

const scalarsOf = (line: MetricLine): Record<string, number | undefined> => ({
  [`loss/train/${line.stage}`]: line.loss,
  'loss/train/next_token': line.causal_loss,
  'heldout/bits_per_byte': line.bits_per_byte,
  'heldout/nelbo': line.nelbo,
  'heldout/nelbo_se': line.nelbo_se,
  'heldout/next_token_bits_per_byte': line.causal_bits_per_byte,
  ...Object.fromEntries(
    (line.loss_by_ratio ?? []).map((loss, i, all) => [
      `heldout_by_mask_ratio/${String(Math.round((100 * (i + 1)) / all.length)).padStart(3, '0')}`,
      loss ?? undefined,
    ]),
  ),
  'optimizer/learning_rate': line.lr,
  'optimizer/gradient_norm': line.grad_norm,
  'speed/tokens_per_second': line.tokens_per_s,
  'optimizer/skipped_steps': line.skipped,
});

async function append(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await appendFile(file, bytes);
  } catch (error) {
    throw diskError(file, error, { task: 'write', place: places.run });
  }
}

/** Appends metric lines and texts to an event file in `<run>/tensorboard`; a new file for each session, as TensorBoard expects it. */
function eventWriter(): Pick<Reports, 'onMetric' | 'onSample'> {
  let path: string | undefined;
  // A text may come before the first metric line, which opens the file.
  let texts: Uint8Array[] = [];
  return {
    onMetric: async (line, folder) => {
      const time = Date.now() / 1000;
      if (path === undefined) {
        makeFolder(join(folder, 'tensorboard'));
        path = join(folder, 'tensorboard', `events.out.tfevents.${time.toFixed(3)}.${process.pid}.mdiff`);
        await append(path, firstEvents({ step: line.step - 1, time }));
      }
      for (const text of texts) await append(path, text);
      texts = [];
      await append(path, scalarEvent({ step: line.step, time }, scalars(line)));
    },
    onSample: ({ step, text }) => void texts.push(textEvent({ step, time: Date.now() / 1000 }, 'sample', text)),
  };
}

/** The hooks and the last step that the configuration's `reports` asks of a run. */
interface Reports {
  onMetric?: (line: MetricLine, folder: string) => Promise<void>;
  onSample?: (sample: Sample) => void;
  atEnd(folder: string, state: RunPageRecord['state']): Promise<string | undefined>;
}

export const reportsOf = ({ reports }: Pick<ProjectConfig, 'reports'>): Reports => ({
  ...(reports.includes('tensorboard') && eventWriter()),
  atEnd: async (folder, state) => (reports.includes('html') ? writeRunPage(folder, state) : undefined),
});
