import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectConfig } from '@mdiff/config';
import type { ProjectConfig, StageConfig } from '@mdiff/config';
import { stream } from '@mdiff/diffusion';
import { fromGeneration, generate, loadModel } from '@mdiff/generate';
import type { Model } from '@mdiff/generate';
import { bind, exportedForward, initParams, layout } from '@mdiff/model';
import { engines, followLeader, leadingEngine } from '@mdiff/engine';
import { localRanks } from '@mdiff/testing';
import type { LocalRank } from '@mdiff/testing';
import { surveyText } from '@mdiff/prepare';
import { readMetrics, train } from '@mdiff/train';
import { reportsOf } from '@mdiff/trainer';
import type { Engine, EngineOptions, StepBatch, TrainState, Update } from '@mdiff/engine';
import type { MetricLine } from '@mdiff/train';
import * as tf from '@tensorflow/tfjs';
import { vi } from 'vitest';
import { command } from './command.test.util.js';

// Observes the effect of a configuration key: in the text, feeds, weights, messages and files of a run; in the network; in generated text.

export const root = fileURLToPath(new URL('../../..', import.meta.url));

export const stage: StageConfig = {
  name: 'text',
  epochs: 2,
  masking_rate_range: [0.05, 0.5],
  data_selection: 'all',
  format_type: 'paragraphs',
};

/** Small, quick, and silent: nothing in it warns. */
export const base: ProjectConfig = projectConfig({
  experiment_name: 'knobs',
  device: 'cpu',
  hardware: { cpu_threads: 1 },
  model: {
    d_model: 8,
    n_layers: 1,
    n_heads: 2,
    d_ff: 16,
    vocab_size: 300,
    max_seq_len: 64,
    dropout: 0,
    attention_dropout: 0,
    shift_head: true,
  },
  tokenizer: { type: 'bpe' },
  data: { source: 'knobs.txt' },
  curriculum: { stages: [stage], transition_epochs: 0, full_range_fraction: 0.2, embedding_model: 'tfidf-svd' },
  training: {
    learning_rate: 0.01,
    scheduler: 'cosine',
    warmup_steps: 5,
    batch_size: 4,
    max_steps: 8,
    eval_every: 4,
    save_every: 0,
    log_every: 2,
    patience: 0,
    use_gradient_checkpointing: false,
    use_mixed_precision: false,
    dataloader_num_workers: 0,
    pin_memory: false,
  },
  generation: { max_length: 24, num_return_sequences: 4 },
});

function book(seed: number): string {
  const rng = stream(seed, 'knobs');
  const words = ['whale', 'sea', 'harpooner', 'night', 'island', 'storm', 'captain', 'bird'];
  const sentence = (): string => `The ${Array.from({ length: 2 + rng.int(4) }, () => words[rng.int(words.length)]!).join(' saw the ')}.`;
  return Array.from({ length: 60 }, () => Array.from({ length: 1 + rng.int(4) }, sentence).join(' ')).join('\n\n');
}

/** The record of one run. Nothing in it depends on time or on where the run was. */
export interface Seen {
  /** the engine that the run opened */
  engine?: string;
  options?: EngineOptions;
  steps: { batches: readonly StepBatch[]; update: Update }[];
  evaluations: StepBatch[];
  /** steps done when the moments were cleared */
  resets: number[];
  /** all files and folders written, relative to the current directory of a user */
  files: string[];
  metrics: MetricLine[];
  /** the exported weights, as a file */
  weights?: Buffer;
  warnings: string[];
  phases: string[];
  error?: string;
}

type Open = (options: EngineOptions) => Promise<Engine>;

/** An engine that learns nothing and costs nothing: its NELBO falls by a hundredth with every step. */
const blank =
  (failing: boolean): Open =>
  async (options) => {
    const table = layout(options.model);
    const zeros = (): Float32Array => new Float32Array(table.total);
    let steps = 0;
    const apply = () => Promise.resolve({ gradNorm: 1, finite: ++steps !== 3 || !failing });
    return {
      name: 'blank',
      threads: options.threads,
      layout: table,
      grads: () => Promise.resolve({ loss: 1 }),
      gradient: () => Promise.resolve(zeros()),
      take: () => Promise.resolve(zeros()),
      apply,
      step: async () => ({ loss: 1, ...(await apply()) }),
      evaluate: ({ rows }) => Promise.resolve(new Float32Array(rows.length).fill(5 * 0.99 ** steps)),
      read: () => Promise.resolve({ params: zeros(), m: zeros(), v: zeros() }),
      load: () => Promise.resolve(),
      resetMoments: () => Promise.resolve(),
      exportOnnx: () => Promise.resolve({ model: new Uint8Array() }),
      startup: () => Promise.resolve({ trace: 0, optimize: 0, lower: 0, library: 0, load: 0 }),
      close: () => Promise.resolve(),
    };
  };

const openReal = engines['onnxruntime']!;
const pool = new Map<string, Promise<{ engine: Engine; start: TrainState }>>();

/** The engine that people train with. Starting its thread and compiling take longer than these runs, so one serves all runs that open it alike. */
const real: Open = async (options) => {
  const key = JSON.stringify(options);
  const opened = pool.get(key) ?? openReal(options).then(async (engine) => ({ engine, start: await engine.read() }));
  pool.set(key, opened);
  const { engine, start } = await opened;
  await engine.load({ params: start.params.slice(), m: start.m.slice(), v: start.v.slice() });
  // The exported graph is compared in export.test.ts; here only the weights are.
  return { ...engine, exportOnnx: () => Promise.resolve({ model: new Uint8Array() }), close: () => Promise.resolve() };
};

let place: Promise<string> | undefined;
/** A folder for what runs share: books, and the cache, so that the tokenizer is learnt once. */
const shared = (): Promise<string> =>
  (place ??= (async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mdiff-knobs-'));
    for (const [name, seed] of [
      ['data/knobs.txt', 1],
      ['data/second.txt', 2],
      ['books/knobs.txt', 3],
    ] as const) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, name), book(seed));
    }
    return folder;
  })());

/** One run by the `train` of @mdiff/train, with another engine in its table. */
async function runOnce(config: ProjectConfig, open: Open): Promise<Seen> {
  const common = await shared();
  const own = await mkdtemp(join(common, 'run-'));
  const seen: Seen = { steps: [], evaluations: [], resets: [], files: [], metrics: [], warnings: [], phases: [] };
  const here = (text: string): string => text.replaceAll(own, '.').replaceAll(common, '.');
  const placed = config.with({
    output_dir: join(own, config.output_dir),
    cache_dir: join(common, config.cache_dir),
    data_dir: join(common, config.data_dir),
  });
  const opening =
    (name: string) =>
    async (options: EngineOptions): Promise<Engine> => {
      seen.engine = name;
      seen.options = options;
      const engine = await open(options);
      return {
        ...engine,
        step: (batches, update) => {
          seen.steps.push({ batches, update });
          return engine.step(batches, update);
        },
        evaluate: (batch) => {
          seen.evaluations.push(batch);
          return engine.evaluate(batch);
        },
        resetMoments: () => {
          seen.resets.push(seen.steps.length);
          return engine.resetMoments();
        },
      };
    };
  const spies = Object.keys(engines).map((name) => vi.spyOn(engines, name).mockImplementation(opening(name)));
  try {
    const reports = reportsOf(placed);
    const { folder, model } = await train(placed, {
      mode: 'new',
      writer: {
        write: () => Promise.resolve('The whale.'),
        refill: (_model, { texts }) =>
          Promise.resolve(texts.map((parts) => parts.map((part) => (typeof part === 'string' ? part : ' ship')).join(''))),
      },
      ...(reports.onMetric && { onMetric: reports.onMetric }),
      reporter: {
        phase: (name, detail = '') => void seen.phases.push(here(`${name}: ${detail}`)),
        step: () => undefined,
        progress: () => undefined,
        note: () => undefined,
        end: () => undefined,
      },
      signal: new AbortController().signal,
      warn: (text) => void seen.warnings.push(here(text)),
    });
    seen.metrics = (await readMetrics(join(folder, 'metrics.jsonl'))).map((line) => ({ ...line, tokens_per_s: 0 }));
    await reports.atEnd(folder, 'finished');
    seen.weights = await readFile(join(model!, 'model.safetensors'));
  } catch (error) {
    // A mistake of the user's is an effect too; anything else is a fault.
    if (!(error as { code?: string }).code?.startsWith('MDIFF_')) throw error;
    seen.error = here((error as Error).message);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  seen.files = [
    ...(await readdir(own, { recursive: true })),
    ...(await readdir(join(common, config.cache_dir)).catch(() => [])).map((name) => join(config.cache_dir, name)),
  ].sort();
  await rm(own, { recursive: true });
  return seen;
}

export type Observe = (config: ProjectConfig) => unknown;

const runs = new Map<string, Promise<Seen>>();
const observed =
  (way: string, open: Open, { mayStop = false } = {}) =>
  (pick: (seen: Seen) => unknown): Observe =>
  async (config) => {
    const key = `${way} ${JSON.stringify(config)}`;
    const run = runs.get(key) ?? runOnce(config, open);
    runs.set(key, run);
    const seen = await run;
    // Two runs that differ because one of them failed would show nothing.
    if (seen.error !== undefined && !mayStop) throw new Error(seen.error);
    return pick(seen);
  };

/** Runs a training and records what it reads, tells its engine, says and writes. */
export const told = observed('told', blank(false));
/** The same run with the real engine: what it learns. */
export const learnt = observed('learnt', real);
/** A run that may be refused. */
export const stopped = observed('stopped', blank(false), { mayStop: true });
/** A run whose third step has no finite loss. */
export const failing = observed('failing', blank(true), { mayStop: true });

const ids = Array.from({ length: 12 }, (_, i) => 5 + 17 * i);
/** Logits of one row of text, from the weights that an engine opened in this way begins with. */
const logitsOf = ({ model, seed }: EngineOptions): number[] =>
  tf.tidy(() => {
    const row = tf.tensor2d([ids], [1, ids.length], 'int32');
    const { logits } = exportedForward(model)({
      ...bind(initParams(model, seed), layout(model)),
      input_ids: row,
      attention_mask: tf.onesLike(row),
      rows: tf.tensor1d([3, 7], 'int32'),
    });
    return [...logits!.dataSync()];
  });

/** The logits that the network of a run gives for a text. */
export const network: Observe = told(({ options }) => logitsOf(options!));

let fixture: Promise<Model> | undefined;
/** Texts of a committed model, and the order in which their positions were filled. */
export const written: Observe = async ({ generation, seed }) => {
  const model = await (fixture ??= loadModel(join(root, 'packages/generate/fixtures/shifted'), { threads: 1 }));
  const order: string[] = [];
  const { texts } = await generate(model, {
    ...fromGeneration(generation),
    seed: generation.seed ?? seed,
    onStep: ({ row, commits, remasked }) => order.push(`${row}: ${commits.map(({ position }) => position).join()} / ${remasked.join()}`),
  });
  return { texts, order };
};

/** The difficulty of every sentence, in doubles: a weight that moves by 5e-7 moves it. */
export const scored: Observe = async (config) => {
  const common = await shared();
  const reporter = {
    phase: () => undefined,
    step: () => undefined,
    progress: () => undefined,
    note: () => undefined,
    end: () => undefined,
  };
  const { survey } = await surveyText(
    config.with({ cache_dir: join(common, config.cache_dir), data_dir: join(common, config.data_dir) }),
    reporter,
  );
  return [...survey.scores.complexity];
};

/** The lines that `mdiff generate` prints in a process of its own when its input has two lines. */
export const typed: Observe = async ({ generation: { interactive_mode } }) => {
  const fixture = join(root, 'packages/generate/fixtures/shifted');
  const settings = ['generation.max_length=12', 'generation.num_steps=2', `generation.interactive_mode=${interactive_mode}`].flatMap(
    (setting) => ['--set', setting],
  );
  const child = spawn(process.execPath, [...command, 'generate', fixture, ...settings], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // The command closes its input unread when it is not interactive.
  child.stdin!.on('error', () => undefined).end('Call me\nThe\n');
  let out = '';
  child.stdout!.on('data', (data: Buffer) => (out += data.toString()));
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`mdiff generate ended with ${String(code)}`);
  return out.trimEnd().split('\n').length;
};

export async function begin(): Promise<void> {
  tf.enableProdMode(); // tfjs would print an advertisement
  await tf.setBackend('cpu');
}

export async function end(): Promise<void> {
  for (const opened of pool.values()) await (await opened).engine.close();
  await (await fixture)?.close();
  if (place) await rm(await place, { recursive: true });
}

/** The sum that the engines of two ranks update with. */
export const exchanged: Observe = async ({ training: { gradient_exchange: exchange } }) => {
  const sums: number[][] = [];
  const part = {
    layout: { total: 1, params: [] },
    grads: () => Promise.resolve({ loss: 1 }),
    take: () => Promise.resolve(Float32Array.of(1 / 3)),
    apply: (_update: Update, sum: Float32Array) => {
      sums.push([...sum]);
      return Promise.resolve({ gradNorm: 1, finite: true });
    },
  } as unknown as Engine;
  const batch = { rows: new Int32Array(0) } as StepBatch;
  const update = { lr: 1, step: 1, beta1: 0, beta2: 0, eps: 1, weightDecay: 0, clip: 0, ema: 0, at: 0 };
  const [first, second] = localRanks(2) as [LocalRank, LocalRank];
  const names = ['rank 0', 'rank 1'];
  const draw = () => Promise.resolve([batch, batch]);
  const following = followLeader(part, { comm: second, exchange, names, draw, ahead: () => undefined, onTold: () => undefined });
  const leading = leadingEngine(part, { comm: first, exchange, names });
  await leading.step([batch, batch], update);
  await leading.dismiss(0);
  await following;
  return sums;
};
