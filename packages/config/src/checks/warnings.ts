import { fitBatch } from '../formulas/memory.js';
import { idleRules } from './idle.js';
import { awaitsFolder, isSet, issueFor, seeKey, valueOf, type View } from '../document/stack.js';
import type { Rule } from './rules.js';
import type { CurriculumConfig, HardwareConfig, ModelConfig, TrainingConfig } from '../sections/types.js';
import { plain } from './words.js';

/** One section's merged values as a plain record. */
function section<T>(view: View, name: string): T {
  const record: Record<string, unknown> = {};
  for (const key of view.stack.keys()) if (key.startsWith(`${name}.`)) record[key.slice(name.length + 1)] = valueOf(view, key);
  return record as T;
}

/** `4.25` → `4.25`, `1e9·7.2` → `7.20`: memory in GB = 10⁹ bytes. */
export const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(2);

const warn = (code: string, scope: Rule['scope'], at: string, see: string | undefined, text: (view: View) => string | undefined): Rule => ({
  inputs: [],
  scope,
  check: (view) => {
    const message = text(view);
    return message === undefined
      ? undefined
      : issueFor(view, at, { code, severity: 'warning', text: message, see: see && seeKey(view, see) });
  },
});

/** `the largest batch that fits is 22, for example batch_size 16 with gradient_accumulation_steps 2` */
export function advice(fit: { largest: number; batch_size: number; gradient_accumulation_steps: number }): string {
  if (fit.batch_size === 0) return 'no batch size fits: reduce the model or max_seq_len';
  return `the largest batch that fits is ${fit.largest}, for example batch_size ${fit.batch_size} with gradient_accumulation_steps ${fit.gradient_accumulation_steps}`;
}

const sizes = ['model.d_model', 'model.n_layers', 'model.d_ff', 'model.vocab_size'];

/** The line to add to a configuration that names no model: the defaults are those of a large one. */
export const startHere = (view: View): string =>
  sizes.some((key) => isSet(view, key))
    ? ''
    : '; this is the default model, made for a large GPU: add the line "extends: quickstart" to start from one for small machines';

/** The parts of [0, 1] that no stage covers, as `0-0.1, 0.3-0.4`. Rates start at 0.001, so that counts as 0. */
function gaps(ranges: readonly (readonly [number, number])[]): string {
  const found: string[] = [];
  let reached = 0;
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (low > reached && !(reached === 0 && low <= 0.001)) found.push(`${plain(reached)}-${plain(low)}`);
    reached = Math.max(reached, high);
  }
  return [...found, `${plain(reached)}-1`].join(', ');
}

const stagesOf = (view: View): CurriculumConfig['stages'] => valueOf(view, 'curriculum.stages') as CurriculumConfig['stages'];

/** The warnings of docs/configuration-specification.md, section 2. They are meaningful only when there is no error. */
export const warningRules: readonly Rule[] = [
  warn('W1', ['training', 'curriculum'], 'training.max_epochs', 'curriculum.stages', (view) => {
    const total = stagesOf(view).reduce((sum, stage) => sum + stage.epochs, 0);
    let left = valueOf(view, 'training.max_epochs') as number;
    if (left >= total || valueOf(view, 'training.max_steps') !== null || valueOf(view, 'training.max_minutes') !== null) return undefined;
    const head = `${left} is below the curriculum total of ${total}`;
    const cut = stagesOf(view).flatMap((stage) => {
      const runs = Math.min(stage.epochs, left);
      left -= runs;
      return runs < stage.epochs ? [`"${stage.name}" runs ${runs} of ${stage.epochs} epochs`] : [];
    });
    return `${head}: ${cut.join(', ')}`;
  }),
  warn('W2', ['model'], 'model.d_ff', 'model.activation', (view) => {
    const { d_ff, d_model, activation } = section<ModelConfig>(view, 'model');
    if (activation === 'swiglu' || d_ff >= 3 * d_model || awaitsFolder(view, 'model.d_ff')) return undefined;
    return `${d_ff} is ${plain(Math.round((d_ff / d_model) * 100) / 100)} x d_model, the swiglu ratio; activation "${activation}" usually takes 4 x d_model = ${4 * d_model}`;
  }),
  warn('W3', ['curriculum'], 'curriculum.stages', 'curriculum.full_range_fraction', (view) => {
    const asked = stagesOf(view).map((stage) => stage.masking_rate_range);
    const complements = asked.map(([low, high]): [number, number] => [1 - high, 1 - low]);
    // A curriculum by itself has no section training.
    const ranges = view.stack.get('training.complementary_masks')?.at(-1)?.value === true ? [...asked, ...complements] : asked;
    if (valueOf(view, 'curriculum.full_range_fraction') !== 0 || ranges.some(([, high]) => high >= 1)) return undefined;
    return `masking rates ${gaps(ranges)} are never trained, but generation starts at 1; set curriculum.full_range_fraction to 0.1-0.2`;
  }),
  warn('W4', ['training', 'model', 'hardware'], 'training.batch_size', 'hardware.max_vram_gb', (view) => {
    const config = {
      model: section<ModelConfig>(view, 'model'),
      training: section<TrainingConfig>(view, 'training'),
      hardware: section<HardwareConfig>(view, 'hardware'),
    };
    const fit = fitBatch(config, view.memory);
    if (fit.fits || awaitsFolder(view, 'model.d_model')) return undefined;
    return `estimated ${gigabytes(fit.estimate.total)} GB exceeds ${gigabytes(fit.estimate.usable)} GB usable; ${advice(fit)}${startHere(view)}`;
  }),
  warn('W5', ['hardware', 'training'], 'hardware.memory_multiplier', undefined, (view) => {
    const [given, ema] = [valueOf(view, 'hardware.memory_multiplier') as number, (valueOf(view, 'training.ema_decay') as number) > 0];
    const needed = ema ? 5 : 4;
    if (!isSet(view, 'hardware.memory_multiplier') || given >= needed) return undefined;
    return `${plain(given)} is low: AdamW needs ${needed} (weights, gradients, two moments${ema ? ', EMA' : ''}); the estimate uses ${needed}`;
  }),
  warn('W6', ['training'], 'training.patience', 'training.val_split', (view) =>
    valueOf(view, 'training.val_split') === 0 && valueOf(view, 'data.val_source') === null && valueOf(view, 'training.patience') !== 0
      ? 'not used while training.val_split is 0'
      : undefined,
  ),
  warn('W7', ['curriculum'], 'curriculum.transition_epochs', 'curriculum.stages', (view) => {
    const epochs = valueOf(view, 'curriculum.transition_epochs') as number;
    const short = stagesOf(view)
      .slice(1)
      .filter((stage) => epochs > Math.floor(stage.epochs / 2));
    if (short.length === 0) return undefined;
    return `${epochs} is more than half of ${short.map((stage) => `"${stage.name}" (${stage.epochs} epochs, uses ${Math.floor(stage.epochs / 2)})`).join(', ')}`;
  }),
  ...idleRules,
  warn('W9', ['training'], 'training.label_smoothing', 'training.loss_weighting', (view) =>
    (valueOf(view, 'training.label_smoothing') as number) > 0 && valueOf(view, 'training.loss_weighting') === 'elbo'
      ? 'the training loss is no longer a bound; validation NELBO is not smoothed'
      : undefined,
  ),
];
