// Shows the progress of a command: lines that are written anew on a terminal, plain lines elsewhere, or JSON lines.
import { describeSample, describeStep, percent, throttled, type Output, type Reporter } from './lines.js';
import { outputIsLog } from './print.js';
import { terminal } from './terminal.js';

function plain(out: Output): Reporter {
  return {
    phase: (name, detail) => out.write(`${name}${detail === undefined ? '' : `: ${detail}`}\n`),
    begin: () => undefined,
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
    begin: ({ stages }) => line('stages', { stages }),
    step: (report, logged) => logged && line('step', report),
    progress: throttled(5000, (what, done, total) => line('progress', { what, done, total })),
    note: (text) => line('note', { text }),
    sample: (sample) => line('sample', sample),
    end: () => undefined,
  };
}

/** A terminal that can move its cursor. */
const isTerminal = (out: Output): boolean => out.isTTY === true && process.env['TERM'] !== 'dumb';

/** `log_format` of the configuration: auto is a live view on a terminal and plain lines elsewhere; text is always plain lines. */
export function reporterFor(format: 'auto' | 'text' | 'json', out: Output): Reporter {
  if (out === process.stdout) outputIsLog();
  if (format === 'json') return json(out);
  return format === 'auto' && isTerminal(out) ? terminal(out) : plain(out);
}
