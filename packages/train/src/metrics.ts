import { appendFile, readFile } from 'node:fs/promises';
import { diskError, places } from '@mdiff/folder';
import { writeFileWhole } from '@mdiff/folder/node';

/** One line of `metrics.jsonl`. */
export interface MetricLine {
  /** steps done, from 1 */
  step: number;
  stage: string;
  /** `mixed` if `training.causal_order` is `throughout`; else `causal` while `training.causal_fraction` lasts, then `diffusion` */
  objective: 'causal' | 'diffusion' | 'mixed';
  epoch: number;
  /** mean training loss since the last line, nats per token; an ELBO only if the stage's masking rates cover the whole range. `mixed`: of the masked steps */
  loss: number;
  /** `mixed`: mean training loss of the causal steps since the last line */
  causal_loss?: number;
  lr: number;
  grad_norm: number;
  /** tokens (without padding) per second since the last line */
  tokens_per_s: number;
  /** held-out NELBO, nats per token, and its standard error */
  nelbo?: number;
  nelbo_se?: number;
  bits_per_byte?: number;
  /** the last evaluation, which has several masks of each unit: its figures by the one mask that the evaluations before it had */
  brief?: { nelbo: number; nelbo_se: number; bits_per_byte: number };
  /** held-out loss of a masked token in ten equal parts of the mask ratios (0, 1], nats */
  loss_by_ratio?: (number | null)[];
  /** held-out next-token loss, nats per token, while steps are causal: not comparable with `nelbo` */
  causal_nll?: number;
  causal_bits_per_byte?: number;
  skipped?: number;
}

export async function appendMetric(path: string, line: object): Promise<void> {
  try {
    await appendFile(path, `${JSON.stringify(line)}\n`);
  } catch (error) {
    throw diskError(path, error, { task: 'write', place: places.run });
  }
}

/** A number that is not finite stands in JSON as null: the standard error of one unit, the loss of a step that failed. In lists null is an empty place. */
const notFinite = (key: string, value: unknown): unknown => (value === null && !/^\d+$/.test(key) ? NaN : value);

/** All whole lines of a metrics file. If a kill cut the last line short, it is left out. */
export async function readMetrics(path: string): Promise<MetricLine[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    // Lines that cannot be read are not lines that never were: a resumed run would write the file without them.
    if (error.code === 'ENOENT') return '';
    throw diskError(path, error, { task: 'read', place: places.run });
  });
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line, notFinite) as MetricLine];
    } catch {
      return [];
    }
  });
}

/** Drops lines after `step`: the resumed run writes them again. */
export async function rewindMetrics(path: string, step: number): Promise<void> {
  const kept = (await readMetrics(path)).filter((line) => line.step <= step);
  await writeFileWhole(path, kept.map((line) => `${JSON.stringify(line)}\n`).join(''), places.run);
}
