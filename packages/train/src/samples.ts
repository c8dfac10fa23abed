import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProjectConfig } from '@mdiff/config';
import type { StepEngine } from '@mdiff/engine';
import { FILES, diskError, places, toFolderConfig } from '@mdiff/folder';
import { writeFileWhole, writeFolderWhole } from '@mdiff/folder/node';
import { graphFiles } from './export.js';
import { networkOf } from './network.js';

// Texts that the model writes while it trains. Training and generating meet in a model folder: the caller writes with it.

/** A text of the model as it stood after a step; one line of `samples.jsonl`. */
export interface Sample {
  step: number;
  /** the given words that it begins with */
  prompt: string;
  text: string;
}

/** Writes one text with a model folder. The same model, prompt and seed give the same text. */
type Write = (model: string, request: { prompt: string; seed: number }) => Promise<string>;

/**
 * Fills the gaps of texts with a model folder; a gap is a number of tokens. The same model, texts and seed give the same result.
 * @returns undefined if `signal` was aborted
 */
export type Refill = (
  model: string,
  request: { texts: readonly (string | { gap: number })[][]; seed: number; signal: AbortSignal },
) => Promise<string[] | undefined>;

/** The generating half of mdiff, as a run uses it. */
export interface Writer {
  write: Write;
  refill: Refill;
}

const samplesPath = (folder: string): string => join(folder, 'samples.jsonl');

/** The texts of a run, in order. Lines that a kill cut short are left out. */
export async function readSamples(folder: string): Promise<Sample[]> {
  const text = await readFile(samplesPath(folder), 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as Sample];
    } catch {
      return [];
    }
  });
}

/** Drops texts after `step`: the resumed run writes them again. */
export async function rewindSamples(folder: string, step: number): Promise<void> {
  const samples = await readSamples(folder);
  const kept = samples.filter((sample) => sample.step <= step);
  if (kept.length === samples.length) return;
  await writeFileWhole(samplesPath(folder), kept.map((sample) => `${JSON.stringify(sample)}\n`).join(''), places.run);
}

export async function appendSample(folder: string, sample: Sample): Promise<void> {
  try {
    await appendFile(samplesPath(folder), `${JSON.stringify(sample)}\n`);
  } catch (error) {
    throw diskError(samplesPath(folder), error, { task: 'write', place: places.run });
  }
}

interface Present {
  config: ProjectConfig;
  engine: StepEngine;
  tokenizerJson: string;
}

/** Calls `use` with the present weights (the average, if there is one) as a model folder, which is removed afterwards. */
export async function withPresentModel<T>({ config, engine, tokenizerJson }: Present, use: (model: string) => Promise<T>): Promise<T> {
  const place = await mkdtemp(join(tmpdir(), 'mdiff-now-'));
  try {
    const { params, ema } = await engine.read();
    const model = join(place, 'model');
    await writeFolderWhole(
      model,
      {
        [FILES.config]: `${JSON.stringify(toFolderConfig(networkOf(config.model) as ProjectConfig['model'], config.experiment_name), null, 2)}\n`,
        [FILES.tokenizer]: tokenizerJson,
        [FILES.generation]: `${JSON.stringify(config.generation, null, 2)}\n`,
        ...graphFiles(await engine.exportOnnx(ema ?? params, false)),
      },
      places.output,
    );
    return await use(model);
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}
