import type { StageExample, StageSurvey, TextSurvey } from '@mdiff/prepare';
import { course, heat, histogram, html, hue, Markup, scatter, signed, style, timeline } from '@mdiff/report';

// The report as one page that needs nothing else. The same survey makes the same page, to the byte.

const SHOWN = 8;
const LONGEST = 320;
const count = (value: number): string => value.toLocaleString('en');
const percent = (share: number, digits = 0): string => `${(100 * share).toFixed(digits)} %`;
const plural = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
const cut = (text: string, length = LONGEST): string => (text.length > length ? `${text.slice(0, length).replace(/\s+\S*$/, '')} …` : text);
const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
const facts = (rows: readonly (readonly [string, string])[]): Markup => html`<dl class="facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
const figure = (picture: Markup, caption: string, wide = false): Markup => html`<figure><div${wide ? html` class="wide"` : undefined}>${picture}</div><figcaption>${caption}</figcaption></figure>`;

const SELECTIONS: Record<StageSurvey['selection'], (limits: TextSurvey['thresholds']) => string> = {
  easy: ({ easy }) => `the easiest ${easy} %`,
  medium: ({ easy, hard }) => `the middle, ${easy} to ${hard} %`,
  hard: ({ hard }) => `the hardest ${100 - hard} %`,
  all: () => 'all',
};

const example = ({ pieces, tokens, complexity }: StageExample): Markup =>
  html`<p class="example">${pieces.map(({ text, hidden }) => (hidden ? html`<span class="hidden">${text}</span>` : text))}</p><p class="soft">difficulty ${complexity.toFixed(2)}, ${plural(tokens, 'token')}</p>`;

function stage(one: StageSurvey, index: number, found: TextSurvey): Markup {
  const { selected } = one;
  const title = html`<h3><span class="key ${hue(index % 8)}"></span>${index + 1}. ${one.name}</h3>`;
  const what = html`<p>${SELECTIONS[one.selection](found.thresholds)} of ${plural(one.complexity.length, one.format.replace(/s$/, ''))}, with ${percent(one.range[0])} to ${percent(one.range[1])} of each hidden${found.fullRangeFraction > 0 ? ` (a share of ${percent(found.fullRangeFraction)} of them: any rate)` : ''}.</p>`;
  if (selected.tokens.length === 0) return html`<section class="card">${title}${what}<p class="notice">The text has none of these, so a run would refuse these stages.</p></section>`;
  const tokens = selected.tokens.reduce((sum, value) => sum + value, 0);
  const longest = selected.tokens.reduce((most, value) => Math.max(most, value), 0);
  return html`<section class="card">${title}${what}
${facts([
    ['units', count(selected.tokens.length)],
    ['tokens', count(tokens)],
    ['tokens in a unit', (tokens / selected.tokens.length).toFixed(1)],
    ['rows', count(one.rows)],
    ['padding', percent(one.padded, 1)],
    ['epochs', count(one.epochs)],
    ...(one.steps === undefined ? [] : [['steps', count(one.steps)] as const]),
    ['mean difficulty', mean(selected.complexity).toFixed(2)],
  ])}
<div class="pair">
${figure(histogram(one.complexity, { label: `Difficulty of the units of stage ${one.name}`, range: [0, 1], ...(one.selection !== 'all' && { part: selected.complexity }) }), one.selection === 'all' ? 'difficulty of its units' : `difficulty of all ${one.format} (pale) and of those this stage sees`)}
${figure(histogram(selected.tokens, { label: `Lengths of the units of stage ${one.name}`, whole: true, range: [1, Math.max(2, longest)] }), `tokens in a unit; a row has room for ${found.length}`)}
</div>
<p class="soft">From easy to hard, as the network may meet them with ${percent(one.examples[0]!.rate)} <span class="hidden">hidden</span>, which it is to guess:</p>
${one.examples.map(example)}
</section>`;
}

/** Sentences at one end of an order, with their values. */
function extremes(found: TextSurvey, values: Float64Array, hardest: boolean): Markup {
  const { texts } = found.survey;
  const order = Array.from(texts.keys()).sort((a, b) => (hardest ? -1 : 1) * (values[a]! - values[b]!) || a - b);
  return html`<ol class="sentences">${order.slice(0, SHOWN).map((i) => html`<li><span class="value">${values[i]!.toFixed(3)}</span><span>${cut(texts[i]!)}</span></li>`)}</ol>`;
}

const SIGNALS = {
  lexical: 'rarity of words, among sentences of like length',
  syntactic: 'clauses, verb phrases, subordination, long noun phrases, readability formulas',
  centrality: 'distance from the nearest cluster centre, among sentences of like length',
};

function ends(found: TextSurvey): Markup {
  const { ranks, complexity, scores } = found.survey;
  const weight = scores.report.weights;
  const orders: [string, string, Float64Array][] = [
    ['All signals together', `weighted ${Object.entries(weight).map(([signal, own]) => `${signal} ${own}`).join(', ')}`, complexity],
    ...Object.entries(SIGNALS).flatMap(([signal, says]): [string, string, Float64Array][] => {
      const own = ranks[signal as keyof typeof SIGNALS];
      return own ? [[`By ${signal} alone`, says, own]] : [];
    }),
  ];
  return html`${orders.map(([name, says, values]) => html`<section class="card"><h3>${name}</h3><p class="soft">${says}</p><div class="pair"><div><h3>Easiest</h3>${extremes(found, values, false)}</div><div><h3>Hardest</h3>${extremes(found, values, true)}</div></div></section>`)}`;
}

function clusters({ survey: { clusters: groups, clustered, map, texts } }: TextSurvey): Markup {
  if (groups.length === 0) return html`<p>None: curriculum.centrality_weight is 0, or nothing was scored.</p>`;
  const cards = groups.slice(0, 64).map(({ size, complexity, words, central }, i) => html`<section class="card"><h3><span class="key ${hue(i)}"></span>${i + 1}. ${words.slice(0, 5).join(', ')}</h3>
<p class="soft">${plural(size, 'sentence')}, mean difficulty ${complexity.toFixed(2)}. Nearest to its centre:</p>
<ol class="sentences">${central.map((at) => html`<li>${cut(texts[at]!, 160)}</li>`)}</ol></section>`);
  return html`${clustered < texts.length ? html`<p class="soft">Of a sample of ${count(clustered)} sentences.</p>` : undefined}${map && figure(scatter(Array.from(map.sentences, (sentence, i) => ({ x: map.x[i]!, y: map.y[i]!, group: map.cluster[i]!, title: cut(texts[sentence]!, 120) })), groups.length, 'Sentences on a plane, coloured by cluster'), `${count(map.sentences.length)} sentences on the plane where their embeddings differ most, which keeps ${percent(map.variance)} of their variance; a figure stands at the middle of its cluster. Point at a dot to read it.`)}
<div class="cards">${cards}</div>${groups.length > 64 ? html`<p class="soft">… and ${count(groups.length - 64)} smaller ones.</p>` : undefined}`;
}

function method({ survey: { scores } }: TextSurvey): Markup {
  const { report } = scores;
  const rows = Object.entries(report.length_correlation).map(([signal, { raw, rank }]) => html`<tr><td>${signal}</td><td>${signed(raw)}</td><td>${signed(rank)}</td><td>${report.weights[signal as keyof typeof SIGNALS]}</td></tr>`);
  return html`<table><tr><th>signal</th><th>correlation with length, raw</th><th>as it is weighted</th><th>weight</th></tr>${rows}</table>
<p class="soft">Embeddings: ${report.embedder ? `${report.embedder.name} (${report.embedder.dimensions} dimensions)` : 'none'}; ${report.clusters === undefined ? 'no clusters' : plural(report.clusters, 'cluster')}; readability: ${report.readability_metrics.join(', ').replaceAll('_', ' ') || 'none'}; seed ${report.seed}. Versions: ${Object.entries(report.versions).map(([name, version]) => `${name} ${version}`).join('; ')}.</p>`;
}

/** One self-contained HTML page. */
export function page(found: TextSurvey): string {
  const { survey, stages, thresholds } = found;
  const { report } = survey.scores;
  const title = found.titles.length === 1 && found.titles[0] ? found.titles[0] : found.source;
  const quantile = (share: number): number => Float64Array.from(survey.complexity).sort()[Math.min(survey.complexity.length - 1, Math.floor((share / 100) * survey.complexity.length))] ?? 0;
  const scored = survey.texts.length > 0;
  const body = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>${title}: what a run would see</title>
<style>${new Markup(style)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="soft">What a run would see of this text, stage by stage, and how hard it is. Written by mdiff data report from ${found.source}.</p>
${facts([
    ['documents', `${count(found.documents.train)} + ${count(found.documents.heldOut)} held out`],
    ['sentences', count(report.sentences)],
    ['scored', count(report.scored)],
    ['words in a sentence', report.mean_words.toFixed(1)],
    ['tokens', count(found.tokens)],
    ['bytes a token', (found.bytes / Math.max(1, found.tokens)).toFixed(2)],
    ['vocabulary', `${count(found.vocabulary.size)} (${found.vocabulary.from})`],
  ])}
${found.notices.map((notice) => html`<p class="notice">${notice}</p>`)}
<p class="soft">All figures are of the training part. Scored are sentences of prose with five words or more, each once. Difficulty is 0 (easy) to 1 (hard): ranks within this text, nothing absolute.</p>

<h2>What each stage sees</h2>
${found.stretches.length > 0 ? figure(timeline(found.stretches.map(({ stage: group, ...band }) => ({ ...band, group })), stages.map(({ name }) => name), 'Masking rates over the steps of the run'), 'Share of a unit that is hidden, over the steps of the run. A stage that blends in is paler while rows of the one before still come.', true) : undefined}
${stages.map((one, i) => stage(one, i, found))}

<h2>Difficulty of sentences</h2>
${
    scored
      ? html`<div class="pair">
${figure(histogram(survey.complexity, { label: 'Difficulty of sentences', range: [0, 1], marks: [{ at: quantile(thresholds.easy), label: `${thresholds.easy} %` }, { at: quantile(thresholds.hard), label: `${thresholds.hard} %` }] }), `difficulty; the thresholds of easy and hard, were each sentence a unit`)}
${figure(histogram(survey.lengths, { label: 'Words in a sentence', whole: true }), 'words in a sentence')}
</div>
${figure(course(found.course, 'Mean difficulty through the text'), `mean difficulty through the text, in ${found.course.length} equal parts`, true)}
<h3>What was measured</h3>
<div class="cards">${survey.measures.map(({ name, signal, values }) => figure(histogram(values, { label: name, width: 300, whole: Array.from(values).every(Number.isInteger) }), `${name} (${signal})`))}</div>`
      : html`<p>No sentence has five words, so nothing is scored and every unit counts as middling.</p>`
  }

${
    scored
      ? html`<h2>Easiest and hardest sentences</h2>
${ends(found)}

<h2>Correlations</h2>
${figure(heat(found.correlations.names, found.correlations.matrix, 'Correlations between what was measured'), "Spearman's rank correlation. What is ranked within sentences of like length should not correlate with words.", true)}
${method(found)}

<h2>Clusters</h2>
${clusters(found)}`
      : undefined
  }
</main>
</body>
</html>
`;
  return body.text;
}
