import { ProjectConfig, valuesByKey } from '@mdiff/config';
import type { Facts, RunPageRecord, RunPoint } from '@mdiff/report';
import type { MetricLine, RunOverview } from '@mdiff/train';

/** A value as YAML writes it in one line, without quotes; the items of a list of mappings stand between semicolons. A line can break at its blanks. */
function written(value: unknown): string {
  if (Array.isArray(value)) {
    const mappings = value.length > 0 && value.every((item) => typeof item === 'object' && item !== null && !Array.isArray(item));
    return mappings ? value.map(written).join('; ') : `[${value.map(written).join(', ')}]`;
  }
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, item]) => `${key}: ${written(item)}`)
    .join(', ');
}
const number = (value: number): string => value.toLocaleString('en');
const plural = (value: number, noun: string): string => `${number(value)} ${noun}${value === 1 ? '' : 's'}`;

/** 45 s, 12 min 5 s, 3 h 20 min */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** One unit of text has no standard error. */
const withError = (value: number, error = NaN): string => `${value.toFixed(3)}${Number.isFinite(error) ? ` ± ${error.toFixed(3)}` : ''}`;

const pointOf = (line: MetricLine): RunPoint => ({
  step: line.step,
  stage: line.stage,
  objective: line.objective,
  loss: line.loss,
  ...(line.causal_loss !== undefined && { causalLoss: line.causal_loss }),
  rate: line.lr,
  gradNorm: line.grad_norm,
  tokensPerSecond: line.tokens_per_s,
  ...(line.bits_per_byte !== undefined && { bitsPerByte: line.bits_per_byte }),
  ...(line.brief && { briefBitsPerByte: line.brief.bits_per_byte }),
  ...(line.nelbo !== undefined && { nelbo: line.nelbo }),
  ...(line.nelbo_se !== undefined && { nelboError: line.nelbo_se }),
  ...(line.causal_bits_per_byte !== undefined && { causalBitsPerByte: line.causal_bits_per_byte }),
  ...(line.loss_by_ratio !== undefined && { byRatio: line.loss_by_ratio }),
  ...(line.skipped !== undefined && { skipped: line.skipped }),
});

/** The record is as old as the last checkpoint; the points are newer while a run goes on. */
function figuresOf(
  { run: { record } }: RunOverview,
  points: readonly RunPoint[],
  { state, step }: Pick<RunPageRecord, 'state' | 'step'>,
): Facts {
  const evaluated = points.findLast(({ bitsPerByte }) => bitsPerByte !== undefined);
  const causal = points.findLast(({ causalBitsPerByte }) => causalBitsPerByte !== undefined);
  const speeds = points.map(({ tokensPerSecond }) => tokensPerSecond).sort((a, b) => a - b);
  return [
    ...(evaluated?.bitsPerByte === undefined ? [] : [['held-out bits/byte', evaluated.bitsPerByte.toFixed(3)] as const]),
    ...(evaluated?.nelbo === undefined ? [] : [['held-out NELBO, nats/token', withError(evaluated.nelbo, evaluated.nelboError)] as const]),
    ...(causal?.causalBitsPerByte === undefined ? [] : [['next token, bits/byte', causal.causalBitsPerByte.toFixed(3)] as const]),
    ['steps', record ? `${number(step)} of ${number(record.steps)}` : number(step)],
    ...(record && state !== 'training' ? [['time', duration(record.seconds)] as const] : []),
    ...(speeds.length === 0 ? [] : [['tokens a second', number(Math.round(speeds[speeds.length >> 1]!))] as const]),
  ];
}

function fingerprintOf({ folder, run: { record, fingerprint }, model }: RunOverview, time: string | undefined): Facts {
  const rows: (readonly [string, string | undefined])[] = [
    [
      'text',
      fingerprint &&
        `${fingerprint.text.title}, ${plural(fingerprint.text.documents, 'document')}, ${number(fingerprint.text.bytes)} bytes`,
    ],
    ['source', fingerprint?.text.source],
    ['text sha256', fingerprint?.text.sha256],
    ['tokenizer', fingerprint && `${number(fingerprint.tokenizer.size)} tokens`],
    ['tokenizer sha256', fingerprint?.tokenizer.sha256],
    ['started from', record && (record.base ? record.base.name : 'random weights')],
    ['base sha256', record?.base?.sha256],
    ['stages', fingerprint?.plan.stages.map(({ name, steps }) => `${name} ${number(steps)}`).join(', ')],
    ['seed', fingerprint && String(fingerprint.seed)],
    ['engine', record && `${record.engine} on ${record.device}, ${plural(record.threads, 'thread')}, ${record.precision}`],
    ['time spent on', time],
    ['run folder', folder],
    ['model', model],
    ['last written', record && `${record.updated.slice(0, 16).replace('T', ' ')} UTC`],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== undefined);
}

function noticesOf({ run: { record } }: RunOverview, lines: readonly MetricLine[]): string[] {
  const skipped = lines.reduce((sum, line) => sum + (line.skipped ?? 0), 0);
  return [
    ...(record?.left_out ? [`Early stopping left ${plural(record.left_out, 'step')} of the plan out.`] : []),
    ...(skipped > 0 ? [`${plural(skipped, 'step')} had no finite loss and changed nothing (training.on_nonfinite is skip).`] : []),
  ];
}

/** A run as the content of its page. `time`: where its time went, in words. */
export function pageRecord(
  overview: RunOverview,
  lines: readonly MetricLine[],
  { state, time }: { state: RunPageRecord['state']; time: string | undefined },
): RunPageRecord {
  const { name, run } = overview;
  const { record, fingerprint } = run;
  const values = Object.entries(fingerprint?.config ?? {});
  const defaults = valuesByKey(ProjectConfig.default());
  const points = lines.map(pointOf);
  const step = Math.max(run.step, lines.at(-1)?.step ?? 0);
  return {
    name,
    text: fingerprint?.text.title ?? 'an unknown text',
    state,
    step,
    steps: record?.steps ?? run.step,
    stages: fingerprint?.plan.stages ?? [],
    points,
    samples: [],
    notices: noticesOf(overview, lines),
    figures: figuresOf(overview, points, { state, step }),
    fingerprint: fingerprintOf(overview, time),
    changed: values
      .filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(defaults[key]))
      .map(([key, value]) => [key, written(value)]),
    configuration: values.map(([key, value]) => [key, written(value)]),
  };
}
