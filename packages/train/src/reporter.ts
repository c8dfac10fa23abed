// What a run tells the person who waits for it. On a terminal one line is rewritten in place; elsewhere, plain lines; or JSON lines.

export interface StepReport {
  step: number;
  steps: number;
  stage: string;
  objective: 'causal' | 'diffusion';
  loss: number;
  lr: number;
  tokens_per_s: number;
  nelbo?: number;
  bits_per_byte?: number;
  /** while the objective is next-token prediction */
  causal_bits_per_byte?: number;
  /** seconds */
  left: number;
}

export interface Reporter {
  /** a new part of the work begins: reading, tokenizing, training, exporting … */
  phase(name: string, detail?: string): void;
  /** after every step; the reporter decides how often to show it */
  step(report: StepReport, logged: boolean): void;
  note(text: string): void;
  end(): void;
}

export const duration = (seconds: number): string => {
  const s = Math.max(0, Math.round(seconds));
  return s < 60 ? `${s}s` : s < 3600 ? `${Math.floor(s / 60)}m${String(s % 60).padStart(2, '0')}s` : `${Math.floor(s / 3600)}h${String(Math.floor((s % 3600) / 60)).padStart(2, '0')}m`;
};

export function describeStep(r: StepReport): string {
  const parts = [
    `step ${String(r.step).padStart(String(r.steps).length)}/${r.steps}`,
    `${r.stage}${r.objective === 'causal' ? ' (next token)' : ''}`,
    `loss ${r.loss.toFixed(3)}`,
    `lr ${r.lr.toPrecision(3)}`,
    `${Math.round(r.tokens_per_s)} tokens/s`,
  ];
  if (r.nelbo !== undefined) parts.push(`held-out NELBO ${r.nelbo.toFixed(3)} nats/token${r.bits_per_byte === undefined ? '' : ` = ${r.bits_per_byte.toFixed(3)} bits/byte`}`);
  if (r.causal_bits_per_byte !== undefined) parts.push(`held-out next-token ${r.causal_bits_per_byte.toFixed(3)} bits/byte`);
  parts.push(`${duration(r.left)} left`);
  return parts.join(' · ');
}

export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

function terminal(out: Output): Reporter {
  let open = false;
  const line = (text: string): void => {
    if (open) out.write('\r\x1b[2K');
    open = false;
    out.write(`${text}\n`);
  };
  return {
    phase: (name, detail) => line(`▸ ${name}${detail === undefined ? '' : `: ${detail}`}`),
    step: (report) => {
      const width = 24;
      const done = Math.round((report.step / report.steps) * width);
      const text = `${'█'.repeat(done)}${'░'.repeat(width - done)} ${describeStep(report)}`;
      out.write(`\r\x1b[2K${text.slice(0, Math.max(20, (out.columns ?? 100) - 1))}`);
      open = true;
    },
    note: line,
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
    note: (text) => out.write(`${text}\n`),
    end: () => undefined,
  };
}

function json(out: Output): Reporter {
  const line = (event: string, fields: object): unknown => out.write(`${JSON.stringify({ event, ...fields })}\n`);
  return {
    phase: (name, detail) => line('phase', { name, ...(detail !== undefined && { detail }) }),
    step: (report, logged) => logged && line('step', report),
    note: (text) => line('note', { text }),
    end: () => undefined,
  };
}

/** `log_format` of the configuration: auto is a live line on a terminal and plain lines elsewhere; text is always plain lines. */
export function reporterFor(format: 'auto' | 'text' | 'json', out: Output): Reporter {
  if (format === 'json') return json(out);
  return format === 'auto' && out.isTTY === true ? terminal(out) : plain(out);
}

export const silent: Reporter = { phase: () => undefined, step: () => undefined, note: () => undefined, end: () => undefined };
