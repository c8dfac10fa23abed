// What the reporters are given, and its words. The types have the shape of what the libraries report; this package imports none of them.

/** One training step, as `train` reports it. */
export interface StepLine {
  step: number;
  steps: number;
  stage: string;
  objective: 'causal' | 'diffusion' | 'mixed';
  loss: number;
  causal_loss?: number;
  lr: number;
  tokens_per_s: number;
  nelbo?: number;
  bits_per_byte?: number;
  causal_bits_per_byte?: number;
  /** seconds left; unknown until a step has been timed */
  left?: number;
}

/** A stage of the curriculum. */
export interface StageLength {
  name: string;
  steps: number;
}

export interface Reporter {
  phase(name: string, detail?: string): void;
  /** training begins or goes on: its stages, and the losses of the metric lines so far */
  begin(run: { stages: readonly StageLength[]; losses: readonly number[] }): void;
  step(line: StepLine, logged: boolean): void;
  progress(what: string, done: number, total: number): void;
  note(text: string): void;
  /** a text of the model as it stands */
  sample(sample: { step: number; prompt: string; text: string }): void;
  end(): void;
}

export const duration = (seconds: number): string => {
  const s = Math.max(0, Math.round(seconds));
  return s < 60
    ? `${s}s`
    : s < 3600
      ? `${Math.floor(s / 60)}m${String(s % 60).padStart(2, '0')}s`
      : `${Math.floor(s / 3600)}h${String(Math.floor((s % 3600) / 60)).padStart(2, '0')}m`;
};

/** How a step went, the loss first. */
export function figuresOf(r: StepLine): string[] {
  const nelbo =
    r.nelbo === undefined
      ? []
      : [
          `held-out NELBO ${r.nelbo.toFixed(3)} nats/token${r.bits_per_byte === undefined ? '' : ` = ${r.bits_per_byte.toFixed(3)} bits/byte`}`,
        ];
  return [
    `loss ${r.loss.toFixed(3)}${r.causal_loss === undefined ? '' : `, next token ${r.causal_loss.toFixed(3)}`}`,
    `lr ${r.lr.toPrecision(3)}`,
    `${Math.round(r.tokens_per_s)} tokens/s`,
    ...nelbo,
    ...(r.causal_bits_per_byte === undefined ? [] : [`held-out next-token ${r.causal_bits_per_byte.toFixed(3)} bits/byte`]),
  ];
}

export const describeStep = (r: StepLine): string =>
  [
    `step ${String(r.step).padStart(String(r.steps).length)}/${r.steps}`,
    `${r.stage}${r.objective === 'causal' ? ' (next token)' : ''}`,
    ...figuresOf(r),
    ...(r.left === undefined ? [] : [`${duration(r.left)} left`]),
  ].join(' · ');

/** A text under the step that it was written after, indented. */
export const describeSample = ({ step, text }: { step: number; text: string }): string =>
  `sample after step ${step}:\n${text.trim().replace(/^/gm, '  ')}`;

export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** Shows progress at most once in `every` milliseconds. */
export function throttled(every: number, show: (what: string, done: number, total: number) => void): Reporter['progress'] {
  let shown = Date.now();
  return (what, done, total) => {
    if (Date.now() - shown < every) return;
    shown = Date.now();
    show(what, done, total);
  };
}

export const percent = (done: number, total: number): string => `${Math.floor((100 * done) / total)}%`;
