// Shows the progress of a command: one line that is rewritten on a terminal, plain lines elsewhere, or JSON lines.
// The types have the shape of what the libraries report; this package imports none of them.
import { outputIsLog } from './print.js';

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

export interface Reporter {
  phase(name: string, detail?: string): void;
  step(line: StepLine, logged: boolean): void;
  progress(what: string, done: number, total: number): void;
  note(text: string): void;
  /** a text of the model as it stands */
  sample(sample: { step: number; prompt: string; text: string }): void;
  end(): void;
}

const duration = (seconds: number): string => {
  const s = Math.max(0, Math.round(seconds));
  return s < 60
    ? `${s}s`
    : s < 3600
      ? `${Math.floor(s / 60)}m${String(s % 60).padStart(2, '0')}s`
      : `${Math.floor(s / 3600)}h${String(Math.floor((s % 3600) / 60)).padStart(2, '0')}m`;
};

function describeStep(r: StepLine): string {
  const parts = [
    `step ${String(r.step).padStart(String(r.steps).length)}/${r.steps}`,
    `${r.stage}${r.objective === 'causal' ? ' (next token)' : ''}`,
    `loss ${r.loss.toFixed(3)}${r.causal_loss === undefined ? '' : `, next token ${r.causal_loss.toFixed(3)}`}`,
    `lr ${r.lr.toPrecision(3)}`,
    `${Math.round(r.tokens_per_s)} tokens/s`,
  ];
  if (r.nelbo !== undefined)
    parts.push(
      `held-out NELBO ${r.nelbo.toFixed(3)} nats/token${r.bits_per_byte === undefined ? '' : ` = ${r.bits_per_byte.toFixed(3)} bits/byte`}`,
    );
  if (r.causal_bits_per_byte !== undefined) parts.push(`held-out next-token ${r.causal_bits_per_byte.toFixed(3)} bits/byte`);
  if (r.left !== undefined) parts.push(`${duration(r.left)} left`);
  return parts.join(' · ');
}

/** A text under the step that it was written after, indented. */
const describeSample = ({ step, text }: { step: number; text: string }): string =>
  `sample after step ${step}:\n${text.trim().replace(/^/gm, '  ')}`;

export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** Shows progress at most once in `every` milliseconds. */
function throttled(every: number, show: (what: string, done: number, total: number) => void): Reporter['progress'] {
  let shown = Date.now();
  return (what, done, total) => {
    if (Date.now() - shown < every) return;
    shown = Date.now();
    show(what, done, total);
  };
}

const percent = (done: number, total: number): string => `${Math.floor((100 * done) / total)}%`;

function terminal(out: Output): Reporter {
  let open = false;
  const rewrite = (share: number, text: string): void => {
    const width = 24;
    const done = Math.round(share * width);
    out.write(`\r\x1b[2K${`${'█'.repeat(done)}${'░'.repeat(width - done)} ${text}`.slice(0, Math.max(20, (out.columns || 100) - 1))}`);
    open = true;
  };
  const line = (text: string): void => {
    if (open) out.write('\r\x1b[2K');
    open = false;
    out.write(`${text}\n`);
  };
  return {
    phase: (name, detail) => line(`▸ ${name}${detail === undefined ? '' : `: ${detail}`}`),
    step: (report) => rewrite(report.step / report.steps, describeStep(report)),
    progress: throttled(100, (what, done, total) => rewrite(done / total, `${what} ${percent(done, total)}`)),
    note: line,
    sample: (sample) => line(describeSample(sample)),
    end: () => {
      if (open) out.write('\n');
      open = false;
    },
  };
}

function plain(out: Output): Reporter {
  return {
    phase: (name, detail) => out.write(`${name}${detail === undefined ? '' : `: ${detail}`}\n`),
    step: (report, logged) => logged && out.write(`${describeStep(report)}\n`),
    progress: throttled(5000, (what, done, total) => out.write(`  ${what} ${percent(done, total)}\n`)),
    note: (text) => out.write(`${text}\n`),
    sample: (sample) => out.write(`${describeSample(sample)}\n`),
    end: () => undefined,
  };
}

function json(out: Output): Reporter {
  const line = (event: string, fields: object): unknown => out.write(`${JSON.stringify({ event, ...fields })}\n`);
  return {
    phase: (name, detail) => line('phase', { name, ...(detail !== undefined && { detail }) }),
    step: (report, logged) => logged && line('step', report),
    progress: throttled(5000, (what, done, total) => line('progress', { what, done, total })),
    note: (text) => line('note', { text }),
    sample: (sample) => line('sample', sample),
    end: () => undefined,
  };
}

/** `log_format` of the configuration: auto is a live line on a terminal and plain lines elsewhere; text is always plain lines. */
export function reporterFor(format: 'auto' | 'text' | 'json', out: Output): Reporter {
  if (out === process.stdout) outputIsLog();
  if (format === 'json') return json(out);
  return format === 'auto' && out.isTTY === true ? terminal(out) : plain(out);
}
