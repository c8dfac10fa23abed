import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StepLine } from './lines.js';
import { reporterFor } from './reporter.js';

const stages = [
  { name: 'foundation', steps: 20 },
  { name: 'refinement', steps: 60 },
];
const at = (step: number, more: Partial<StepLine> = {}): StepLine => ({
  ...{ step, steps: 80, stage: step <= 20 ? 'foundation' : 'refinement', objective: 'diffusion' },
  ...{ loss: 4, lr: 0.001, tokens_per_s: 900, left: 75 },
  ...more,
});

/** The lines that a terminal shows after what was written, for the sequences that the reporter uses. */
function screen(output: string): string[] {
  let lines = [''];
  let [row, column] = [0, 0];
  // eslint-disable-next-line no-control-regex
  for (const part of output.match(/\x1b\[\d*[A-Z]|[^\x1b]/g) ?? []) {
    if (part === '\r') column = 0;
    else if (part === '\n') [row, column] = [row + 1, 0];
    else if (part.endsWith('A') && part.startsWith('\x1b')) row -= Number(part.slice(2, -1));
    else if (part === '\x1b[J') lines = [...lines.slice(0, row), (lines[row] ?? '').slice(0, column)];
    else lines[row] = `${(lines[row] ?? '').slice(0, column)}${part}${(lines[row] ?? '').slice(++column)}`;
    lines[row] ??= '';
  }
  return lines;
}

function open(format: 'auto' | 'text' | 'json', terminal: { isTTY?: boolean; columns?: number } = {}) {
  const out = { ...terminal, text: '', write: (text: string) => (out.text += text) };
  return { out, reporter: reporterFor(format, out) };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubEnv('TERM', 'xterm');
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

describe('a terminal', () => {
  it('shows how far the run and its stage are, and the losses as a curve', () => {
    const { out, reporter } = open('auto', { isTTY: true, columns: 120 });
    reporter.phase('training', '80 steps');
    reporter.begin({ stages, losses: [8, 6] });
    reporter.step(at(10, { loss: 5 }), true);
    reporter.step(at(35), true);
    expect(screen(out.text)).toEqual([
      '▸ training: 80 steps',
      '██████│█████░░░░░░░░░░░░░ step 35/80 (43%) · refinement 15/60 · 1m15s left',
      'loss 4.000 █▅▃▁ · lr 0.00100 · 900 tokens/s',
    ]);
  });

  it('puts an evaluation under it, a note above it, and leaves the last state', () => {
    const { out, reporter } = open('auto', { isTTY: true, columns: 80 });
    reporter.begin({ stages: stages.slice(0, 1), losses: [] });
    reporter.step(at(8, { objective: 'causal' }), true);
    vi.advanceTimersByTime(200);
    reporter.progress('evaluating', 1, 4);
    expect(screen(out.text).slice(-1)).toEqual(['██████░░░░░░░░░░░░░░░░░░ evaluating 25%']);
    reporter.note('a note');
    reporter.step(at(9), false);
    reporter.end();
    expect(screen(out.text)).toEqual([
      'a note',
      '███░░░░░░░░░░░░░░░░░░░░░ step 9/80 (11%) · foundation · 1m15s left',
      'loss 4.000 · lr 0.00100 · 900 tokens/s',
      '',
    ]);
  });

  it('draws fast steps seldom, and the last one when it ends', () => {
    const { out, reporter } = open('auto', { isTTY: true, columns: 80 });
    reporter.begin({ stages, losses: [] });
    for (let step = 1; step <= 50; step++) reporter.step(at(step), false);
    const drawings = out.text.split('tokens/s').length - 1;
    expect(drawings).toBeLessThan(3);
    reporter.end();
    expect(screen(out.text)[0]).toContain('step 50/80');
  });

  it('never writes a line that the terminal would break, and begins anew on one of another width', () => {
    const { out, reporter } = open('auto', { isTTY: true, columns: 40 });
    reporter.begin({ stages, losses: [5, 4, 3] });
    reporter.step(at(35, { nelbo: 4, bits_per_byte: 2 }), true);
    for (const line of screen(out.text)) expect(line.length).toBeLessThan(40);
    out.columns = 30;
    reporter.step(at(36), true);
    const lines = screen(out.text);
    expect(lines).toHaveLength(4);
    expect(lines[2]!.length).toBe(29);
  });

  it('that cannot move its cursor gets plain lines', () => {
    vi.stubEnv('TERM', 'dumb');
    const { out, reporter } = open('auto', { isTTY: true });
    reporter.step(at(35), true);
    expect(out.text).toBe('step 35/80 · refinement · loss 4.000 · lr 0.00100 · 900 tokens/s · 1m15s left\n');
  });
});

it('off a terminal there is a line for each logged step, and JSON names the stages once', () => {
  const plain = open('auto');
  plain.reporter.begin({ stages, losses: [3] });
  plain.reporter.step(at(34), false);
  plain.reporter.step(at(35), true);
  expect(plain.out.text).toBe('step 35/80 · refinement · loss 4.000 · lr 0.00100 · 900 tokens/s · 1m15s left\n');
  const json = open('json');
  json.reporter.begin({ stages, losses: [3] });
  json.reporter.step(at(35), true);
  expect(
    json.out.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { event: 'stages', stages },
    { event: 'step', ...at(35) },
  ]);
});
