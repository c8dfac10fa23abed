import { mustBe } from '@mdiff/arguments';
import { hue } from './chart.js';
import { Markup, html } from './html.js';
import { count, cut, facts, figure } from './parts.js';
import { axisNumber, plot } from './plot.js';
import type { Line, Stretch } from './plot.js';
import type { Facts, RunPageRecord, RunPoint, RunSample } from './runrecords.js';
import { style } from './style.js';

// The page of a run: how it learnt, what it wrote on the way, and what it was. The same record makes the same page, to the byte.

/** Lines of one picture that are evaluations of the same model at different times. */
const EVALUATIONS = 5;
const SAMPLES = 8;

/** `most` of the list, evenly spaced, the last one always. */
function spread<T>(list: readonly T[], most: number): T[] {
  if (list.length <= most) return [...list];
  return Array.from({ length: most }, (_, i) => list[Math.round((i * (list.length - 1)) / (most - 1))]!);
}

/** The stages on the axis of steps. */
function stretchesOf({ stages }: RunPageRecord): Stretch[] {
  let from = 0;
  return stages.map(({ steps }, group) => {
    const stretch = { from, to: from + steps, group };
    from += steps;
    return stretch;
  });
}

const points = (record: RunPageRecord, value: (point: RunPoint) => number | undefined): [number, number][] =>
  record.points.flatMap((point): [number, number][] => {
    const y = value(point);
    return y === undefined ? [] : [[point.step, y]];
  });

/** The training loss, a line for each stage: losses of different stages, and of different objectives, cannot be compared. */
function lossLines({ points: all, stages }: RunPageRecord): Line[] {
  const lines = new Map<string, Line & { points: [number, number][] }>();
  const add = (key: string, line: Omit<Line, 'points'>, x: number, y: number): void => {
    const present = lines.get(key) ?? { ...line, points: [] };
    lines.set(key, present);
    present.points.push([x, y]);
  };
  for (const { step, stage, objective, loss, causalLoss } of all) {
    const group = Math.max(
      0,
      stages.findIndex(({ name }) => name === stage),
    );
    const causal = objective === 'causal';
    add(`${stage} ${causal}`, { name: `${stage}${causal ? ', next token' : ''}`, group, dashed: causal }, step, loss);
    if (causalLoss !== undefined) add(`${stage} mixed`, { name: `${stage}, next token`, group, dashed: true }, step, causalLoss);
  }
  return [...lines.values()];
}

function byRatio({ points: all }: RunPageRecord): Markup | undefined {
  const evaluations = spread(
    all.filter((point) => point.byRatio !== undefined),
    EVALUATIONS,
  );
  const lines = evaluations.map(({ step, byRatio: values = [] }, i): Line => ({
    name: `step ${count(step)}`,
    points: values.map((value, part) => [(part + 0.5) / values.length, value ?? NaN]),
    strength: (i + 1) / evaluations.length,
    dots: i === evaluations.length - 1,
  }));
  return plot(lines, {
    label: 'Held-out loss by mask ratio',
    x: 'mask ratio',
    y: 'nats a masked token',
    reach: { x: [0, 1] },
    written: (ratio) => `${Math.round(100 * ratio)} %`,
  });
}

const captioned = (picture: Markup | undefined, caption: string): Markup | undefined => picture && figure(picture, caption);

function charts(record: RunPageRecord): Markup {
  const stretches = stretchesOf(record);
  const reach = { x: [0, record.steps] };
  const axes = { x: 'step', reach, stretches };
  const held = points(record, ({ bitsPerByte, briefBitsPerByte = bitsPerByte }) => briefBitsPerByte);
  const several = record.points.some(({ briefBitsPerByte }) => briefBitsPerByte !== undefined);
  const causal = points(record, ({ causalBitsPerByte }) => causalBitsPerByte);
  const learning = [
    { name: 'held-out NELBO', points: held, dots: true },
    { name: 'held-out next-token prediction', points: causal, dots: true, dashed: true },
  ];
  const ratios = points(record, ({ byRatio: values }) => values && 1).length;
  return html`<h2>How it learnt</h2>
${record.stages.length > 1 ? html`<p class="soft legend">Stages: ${record.stages.map(({ name }, i) => html`<span><span class="key ${hue(i % 8)}"></span>${name}</span>`)}</p>` : undefined}
<div class="pair plots">
${captioned(plot(learning, { ...axes, label: 'Held-out bits per byte over the steps', y: 'bits/byte' }), `Held-out text: NELBO over the whole range of mask ratios${causal.length > 0 ? ', and (dashed) next-token prediction' : ''}. The same masks every time, so all points can be compared${several ? '; the figure at the head of the page has four masks of each unit instead of one' : ''}.`)}
${captioned(plot(lossLines(record), { ...axes, label: 'Training loss over the steps, by stage', y: 'nats/token' }), `Training loss by stage${record.points.some(({ objective }) => objective !== 'diffusion') ? '; dashed: next-token prediction' : ''}. Each stage masks other shares of the text, so its loss cannot be compared with that of another.`)}
${captioned(byRatio(record), `Held-out loss by the share of a unit that is masked${ratios > 1 ? ', from the first evaluation (pale) to the last' : ''}${ratios > 1 && several ? ', which has four masks of each unit instead of one' : ''}.`)}
${captioned(plot([{ name: 'learning rate', points: points(record, ({ rate }) => rate) }], { ...axes, label: 'Learning rate over the steps', y: 'learning rate', reach: { ...reach, y: [0] } }), 'Size of the steps of the optimiser: it rises in the warm-up, then follows training.scheduler.')}
${captioned(plot([{ name: 'tokens a second', points: points(record, ({ tokensPerSecond }) => tokensPerSecond) }], { ...axes, label: 'Tokens per second over the steps', y: 'tokens a second', reach: { ...reach, y: [0] } }), 'Speed of the training steps, padding and evaluations not counted.')}
${captioned(plot([{ name: 'gradient norm', points: points(record, ({ gradNorm }) => gradNorm) }], { ...axes, label: 'Gradient norm over the steps', y: 'gradient norm', reach: { ...reach, y: [0] } }), 'Norm of the gradient, before it is clipped.')}
</div>`;
}

const sample = ({ step, prompt, text }: RunSample): Markup =>
  html`<section class="card"><h3>Step ${count(step)}</h3><p class="example"><strong>${prompt}</strong>${cut(text.startsWith(prompt) ? text.slice(prompt.length) : text, 900)}</p></section>`;

function samples({ samples: all }: RunPageRecord): Markup | undefined {
  if (all.length === 0) return undefined;
  const shown = spread(all, SAMPLES);
  const rest = all.filter((one) => !shown.includes(one));
  return html`<h2>What it wrote</h2>
<p class="soft">The same beginning and the same random numbers every time${rest.length > 0 ? `; ${shown.length} of ${all.length} texts, evenly spaced` : ''}.</p>
<div class="cards samples">${shown.map(sample)}</div>
${rest.length > 0 ? html`<details><summary>The other ${rest.length}</summary><div class="cards samples">${rest.map(sample)}</div></details>` : undefined}`;
}

const table = (rows: Facts): Markup =>
  html`<div class="wide"><table class="values">${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</table></div>`;

const evaluations = ({ points: all }: RunPageRecord): Markup | undefined => {
  const evaluated = all.filter(({ bitsPerByte, causalBitsPerByte }) => bitsPerByte !== undefined || causalBitsPerByte !== undefined);
  if (evaluated.length === 0) return undefined;
  const number = (value: number | undefined, digits = 3): string =>
    value === undefined ? '' : Number.isFinite(value) ? value.toFixed(digits) : '–';
  const hasCausal = evaluated.some(({ causalBitsPerByte }) => causalBitsPerByte !== undefined);
  return html`<details><summary>The figures of all ${count(evaluated.length)} evaluations</summary><div class="wide"><table>
<tr><th>step</th><th>stage</th><th>nats/token</th><th>± s.e.</th><th>bits/byte</th>${hasCausal ? html`<th>next token, bits/byte</th>` : undefined}<th>training loss</th></tr>
${evaluated.map((point) => html`<tr><td>${count(point.step)}</td><td>${point.stage}</td><td>${number(point.nelbo)}</td><td>${number(point.nelboError)}</td><td>${number(point.bitsPerByte)}</td>${hasCausal ? html`<td>${number(point.causalBitsPerByte)}</td>` : undefined}<td>${number(point.loss)}</td></tr>`)}
</table></div></details>`;
};

const STATES: Record<RunPageRecord['state'], (run: RunPageRecord) => string> = {
  training: ({ step, steps, left }) =>
    `training, step ${count(step)} of ${count(steps)}${left === undefined ? '' : `, about ${left} left`}`,
  stopped: ({ step, steps }) => `stopped at step ${count(step)} of ${count(steps)}`,
  finished: ({ step }) => `finished after ${count(step)} steps`,
};

/** The part of the page that changes while a run goes on. */
function runMain(record: RunPageRecord): Markup {
  const best = record.points.filter(({ bitsPerByte }) => bitsPerByte !== undefined).length;
  return html`<h1>${record.name}</h1>
<p class="soft">A run of mdiff on “${record.text}”: ${STATES[record.state](record)}.</p>
<progress max="${record.steps}" value="${record.step}">${axisNumber(Math.round((100 * record.step) / Math.max(1, record.steps)))} %</progress>
${facts(record.figures)}
${record.notices.map((notice) => html`<p class="notice">${notice}</p>`)}
${record.points.length === 0 ? html`<p>No step has been logged yet.</p>` : charts(record)}
${best > 0 ? evaluations(record) : undefined}
${samples(record)}
<h2>What it was made from</h2>
${table(record.fingerprint)}
<h2>Configuration</h2>
<p class="soft">The keys whose value is not the default.</p>
${table(record.changed)}
<details><summary>All ${record.configuration.length} keys</summary>${table(record.configuration)}</details>`;
}

const whole = (title: string, main: Markup, script: string | undefined): string => {
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>${title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<main>
${main}
</main>
${script === undefined ? undefined : html`<script>${new Markup(script)}</script>`}
</body>
</html>
`;
  return page.text;
};

/** One self-contained HTML page about a run. `script`: a program of the page, for a server that shows a run going on. */
export function runPage(record: RunPageRecord, script?: string): string {
  mustBe('runPage', 'record', record, 'object');
  return whole(`${record.name}: report on a run`, runMain(record), script);
}

/** The page of a run that has no step to show yet. `activity`: what it is doing, in words. */
export function preparingPage(run: { name: string; activity: string }, script?: string): string {
  mustBe('preparingPage', 'run', run, 'object');
  const { name, activity } = run;
  mustBe('preparingPage', 'run.activity', activity, 'string');
  const main = html`<h1>${name}</h1>
<p class="soft">A run of mdiff that is being prepared: ${activity}.</p>
<p>Its curves and figures appear here once the training begins.</p>`;
  return whole(`${name}: a run being prepared`, main, script);
}
