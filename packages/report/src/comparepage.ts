import { mustBe } from '@mdiff/arguments';
import { Markup, html } from './html.js';
import { count } from './parts.js';
import { style } from './style.js';

// A comparison of training recipes as one page that needs nothing else.

export interface CompareRow {
  arm: string;
  start: string;
  about: string;
  by: 'nelbo' | 'next_token';
  /** bits per byte of each seed */
  seeds: readonly number[];
  mean: number;
  sd: number;
  steps: number;
  tokens: number;
  /** from the first row, with its 95 % interval */
  difference?: { difference: number; low: number; high: number };
}

export interface CompareRecord {
  /** the text, for people */
  text: string;
  rows: readonly CompareRow[];
  /** held-out units and their bytes */
  units: number;
  bytes: number;
  finished: boolean;
  failed: readonly { run: string; failed: string }[];
  /** the configuration that all arms begin with */
  yaml: string;
}

const figure = (value: number): string => (Number.isFinite(value) ? value.toFixed(3) : '–');
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;

/** The seeds of each row as dots on one axis, and their mean as a line. */
function dots(rows: readonly CompareRow[]): Markup {
  const all = rows.flatMap(({ seeds }) => seeds);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const edge = Math.max(0.01, (most - least) * 0.08);
  const [low, high] = [least - edge, most + edge];
  const [width, left, line] = [720, 190, 24];
  const height = rows.length * line + 30;
  const x = (value: number): string => (left + ((value - low) / (high - low)) * (width - left - 20)).toFixed(1);
  const row = ({ arm, start, seeds, mean }: CompareRow, i: number): Markup => {
    const y = i * line + 14;
    return html`<text class="tick" x="${left - 10}" y="${y + 4}" text-anchor="end">${arm}, ${start}</text>
<line class="grid" x1="${left}" x2="${width - 20}" y1="${y}" y2="${y}" />
<line class="mark" x1="${x(mean)}" x2="${x(mean)}" y1="${y - 8}" y2="${y + 8}" />
${seeds.map((value) => html`<circle class="bar" cx="${x(value)}" cy="${y}" r="4"><title>${figure(value)} bits/byte</title></circle>`)}`;
  };
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" style="max-width:${width}px;min-width:480px" role="img" aria-label="Held-out bits per byte of each seed, by arm; the table below has the figures">
${rows.map(row)}
${[least, (least + most) / 2, most].map((value) => html`<text class="tick" x="${x(value)}" y="${height - 6}" text-anchor="middle">${figure(value)}</text>`)}
</svg>`;
}

/** From the first row: with an interval where both have the same held-out units. */
function fromFirst({ mean, difference }: CompareRow, first: CompareRow): string {
  if (!difference) return signed(mean - first.mean);
  return `${signed(difference.difference)} (${signed(difference.low)} to ${signed(difference.high)})`;
}

const cells = (row: CompareRow, first: CompareRow): Markup => {
  const { arm, start, about, by, seeds, mean, sd, steps, tokens } = row;
  return html`<tr><td><b>${arm}</b>, ${start}<br /><span class="soft">${about}</span></td><td>${figure(mean)}${seeds.length > 1 ? ` ± ${figure(sd)}` : ''}${by === 'next_token' ? ' *' : ''}</td><td>${row === first ? '' : fromFirst(row, first)}</td><td>${seeds.map(figure).join(', ')}</td><td>${count(steps)}</td><td>${count(Math.round(tokens))}</td></tr>`;
};

const results = (rows: readonly CompareRow[], first: CompareRow): Markup => html`<div class="wide">${dots(rows)}</div>
<div class="wide"><table class="arms">
<thead><tr><th>arm</th><th>mean ± sd</th><th>from ${first.arm}, ${first.start} (95 %)</th><th>seeds</th><th>steps</th><th>tokens</th></tr></thead>
<tbody>${rows.map((row) => cells(row, first))}</tbody>
</table></div>
<p class="soft">± is the standard deviation over the seeds. The interval is a paired bootstrap over the held-out paragraphs, on the mean of the seeds: it covers the choice of the text, and not that of the seed.${rows.slice(1).some(({ difference }) => !difference) ? ' A difference without an interval is that of the means: the arm, or its tokenizer, cuts the held-out text into other units.' : ''}</p>`;

/** One self-contained HTML page: the arms of a comparison with their seeds, differences and budgets. */
export function comparePage(options: CompareRecord): string {
  mustBe('comparePage', 'options', options, 'object');
  const { text, rows, units, bytes, finished, failed, yaml } = options;
  const [first] = rows;
  const exact = rows.some(({ by }) => by === 'next_token') && rows.some(({ by }) => by === 'nelbo');
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>${text}: comparison of training recipes</title>
<style>${new Markup(style)}</style>
</head>
<body>
<main>
<h1>${text}: comparison of training recipes</h1>
<p class="soft">mdiff compare trains each arm on the same text for the same number of steps${first ? html`, and measured it on ${count(units)} held-out paragraphs (${count(bytes)} bytes)` : undefined}. The network is the same too, unless an arm says otherwise. Lower is better.</p>
${finished ? undefined : html`<p class="notice">The comparison is not finished: some runs are missing.</p>`}
${failed.map(({ run, failed: reason }) => html`<p class="notice">${run} failed: ${reason}</p>`)}
${exact ? html`<p class="notice">* The figure of a model of next-token prediction is its exact likelihood. Those of the other arms are upper bounds, so a difference between the two kinds is partly the gap of the bound.</p>` : undefined}
<h2>Held-out bits per byte</h2>
${first ? results(rows, first) : html`<p>No run has ended yet.</p>`}
<h2>Configuration</h2>
<pre class="wide">${yaml}</pre>
</main>
</body>
</html>
`;
  return page.text;
}
