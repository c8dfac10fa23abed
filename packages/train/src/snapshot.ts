import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProjectConfig } from '@mdiff/config';
import { MdiffError, fromFloat16, toFloat16 } from '@mdiff/folder';
import { latestCheckpoint, newestProgress } from './checkpoint.js';
import type { Checkpoint } from './checkpoint.js';
import { speedOf, writeModelFolder, writesCausal } from './export.js';
import type { Card } from './export.js';
import { readMetrics } from './metrics.js';
import type { Fingerprint, RunRecord } from './record.js';

export interface SnapshotOptions {
  /** the new model folder */
  out: string;
  /** type of the weights on the disk */
  dtype: 'float32' | 'float16';
  /** false: without the graph, for a model that other runs start from */
  graph: boolean;
  /** with a second graph whose matrices are in 8 bits */
  int8?: boolean;
  /** with the graph that reads a cache of what stands around a block */
  cache?: boolean;
  /** called for each damaged checkpoint */
  warn(text: string): void;
}

export interface Snapshot {
  step: number;
  steps: number;
  /** read so far, padding not counted; runs of earlier releases counted none */
  tokens?: number;
  bitsPerByte?: number;
}

/** Writes the newest checkpoint of the run in `folder` as a model folder. The run may be going on; it is only read. */
export async function exportSnapshot(
  folder: string,
  { out, dtype, graph, int8 = false, cache = false, warn }: SnapshotOptions,
): Promise<Snapshot> {
  const checkpoints = join(folder, 'checkpoints');
  const none = new MdiffError('MDIFF_EXISTS', `${folder}: there is no checkpoint to export; give the folder of a run (outputs/<name>)`, 2);
  const newest = await newestProgress(checkpoints);
  if (!newest) throw none;
  const { layoutOf, onnxOf } = await import('@mdiff/engine/compute');
  const network = newest.model as unknown as Parameters<typeof layoutOf>[0];
  const layout = layoutOf(network);
  const read = (): Promise<Checkpoint | undefined> => latestCheckpoint(checkpoints, layout, () => undefined, warn);
  // A run that goes on may remove the checkpoint that is being read; it has written a newer one before.
  const checkpoint = await read().catch(read);
  if (!checkpoint) throw none;
  const { progress, state, files } = checkpoint;
  const resolvedYaml = files['config.resolved.yaml']!.toString('utf8');
  const config = ProjectConfig.parse(resolvedYaml, { file: join(folder, 'config.resolved.yaml') });
  const averaged = state.ema ?? state.params;
  const params = dtype === 'float16' ? fromFloat16(toFloat16(averaged)) : averaged;
  const { card, snapshot } = await describe(folder, checkpoint, config);
  await writeModelFolder(out, {
    model: { ...config.model, ...network },
    causalShare: config.training.causal_fraction,
    generation: config.generation,
    layout,
    params,
    dtype: dtype === 'float16' ? 'F16' : 'F32',
    ...(graph && {
      onnx: await onnxOf(network, params, { half: dtype === 'float16', causal: writesCausal(config, progress.base), int8, block: cache }),
    }),
    tokenizerJson: files['tokenizer.json']!.toString('utf8'),
    resolvedYaml,
    card,
  });
  return { ...snapshot, step: progress.step - (progress.left_out ?? 0) };
}

/** The figures of a checkpoint: the last ones that were measured up to its step. */
async function describe(
  folder: string,
  { progress, files }: Checkpoint,
  config: ProjectConfig,
): Promise<{ card: Card; snapshot: Omit<Snapshot, 'step'> }> {
  const lines = (await readMetrics(join(folder, 'metrics.jsonl'))).filter(({ step }) => step <= progress.step);
  const measured = lines.findLast(({ nelbo }) => nelbo !== undefined);
  const record = JSON.parse(await readFile(join(folder, 'run.json'), 'utf8').catch(() => '{}')) as Partial<RunRecord>;
  const { text, plan } = JSON.parse(files['fingerprint.json']?.toString('utf8') ?? '{}') as Partial<Fingerprint>;
  const steps = plan?.steps ?? record.steps ?? progress.step;
  const { nelbo, nelbo_se: se = 0, bits_per_byte: bits = 0 } = measured ?? {};
  return {
    card: {
      name: config.experiment_name,
      source: text?.title ?? config.data.source,
      ...(text && { text: { ...text, heldOutApart: config.data.val_source !== null } }),
      steps: progress.step - (progress.left_out ?? 0),
      planned: steps,
      unfinished: progress.step < steps,
      ...(progress.tokens !== undefined && { tokensSeen: progress.tokens }),
      seconds: progress.seconds,
      tokensPerSecond: speedOf(progress),
      ...(measured && nelbo !== undefined && { nelbo: { nelbo, se, bitsPerByte: bits, step: measured.step } }),
      engine: record.engine ?? config.engine,
      seed: progress.seed,
      ...(progress.base && { base: progress.base }),
    },
    snapshot: { steps, ...(progress.tokens !== undefined && { tokens: progress.tokens }), ...(measured && { bitsPerByte: bits }) },
  };
}
