import { course, heat, histogram, hue, scatter, signed } from './chart.js';
import { html } from './html.js';
import type { Markup } from './html.js';
import { count, cut, figure, percent, plural } from './parts.js';
import type { ClusterRecord, PlaneRecord, ScoreRecord, TextRecord } from './records.js';

// The sections about single sentences: how hard they are, which are the easiest and hardest, and which resemble each other.

/** Sentences at either end of an order. */
const SHOWN = 8;
const MOST_CLUSTERS = 64;

function difficulty({ survey, thresholds: { easy, hard }, course: values }: TextRecord): Markup {
  const sorted = Float64Array.from(survey.complexity).sort();
  const quantile = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor((share / 100) * sorted.length))] ?? 0;
  const marks = [easy, hard].map((share) => ({ value: quantile(share), label: `${share} %` }));
  const measure = ({ name, signal, values: each }: ScoreRecord['measures'][number]): Markup =>
    figure(histogram(each, { label: name, width: 300, whole: Array.from(each).every(Number.isInteger) }), `${name} (${signal})`);
  return html`<div class="pair">
${figure(histogram(survey.complexity, { label: 'Difficulty of sentences', range: [0, 1], marks }), 'difficulty; the marks are the thresholds of easy and hard, if each sentence were a unit')}
${figure(histogram(survey.lengths, { label: 'Words in a sentence', whole: true }), 'words in a sentence')}
</div>
${figure(course(values, 'Mean difficulty through the text'), `mean difficulty through the text, in ${values.length} equal parts`, true)}
<h3>The measures</h3>
<div class="cards">${survey.measures.map(measure)}</div>`;
}

/** Sentences at one end of an order, with their values. */
function extremes(texts: readonly string[], values: Float64Array, hardest: boolean): Markup {
  const order = Array.from(texts.keys()).sort((a, b) => (hardest ? -1 : 1) * (values[a]! - values[b]!) || a - b);
  return html`<ol class="sentences">${order.slice(0, SHOWN).map((i) => html`<li><span class="value">${values[i]!.toFixed(3)}</span><span>${cut(texts[i]!)}</span></li>`)}</ol>`;
}

const SIGNALS = {
  lexical: 'rarity of words, among sentences of like length',
  syntactic: 'clauses, verb phrases, subordination, long noun phrases, readability formulas',
  centrality: 'distance from the nearest cluster centre, among sentences of like length',
};

function ends({ ranks, complexity, scores, texts }: ScoreRecord): Markup {
  const weights = Object.entries(scores.report.weights).map(([signal, weight]) => `${signal} ${weight}`);
  const orders: [string, string, Float64Array][] = [
    ['All signals together', `weighted ${weights.join(', ')}`, complexity],
    ...Object.entries(SIGNALS).flatMap(([signal, meaning]): [string, string, Float64Array][] => {
      const values = ranks[signal as keyof typeof SIGNALS];
      return values ? [[`By ${signal} alone`, meaning, values]] : [];
    }),
  ];
  return html`${orders.map(([name, meaning, values]) => html`<section class="card"><h3>${name}</h3><p class="soft">${meaning}</p><div class="pair"><div><h3>Easiest</h3>${extremes(texts, values, false)}</div><div><h3>Hardest</h3>${extremes(texts, values, true)}</div></div></section>`)}`;
}

function method({ scores: { report } }: ScoreRecord): Markup {
  const rows = Object.entries(report.length_correlation).map(
    ([signal, { raw, rank }]) =>
      html`<tr><td>${signal}</td><td>${signed(raw)}</td><td>${signed(rank)}</td><td>${report.weights[signal as keyof typeof SIGNALS]}</td></tr>`,
  );
  const embedder = report.embedder ? `${report.embedder.name} (${report.embedder.dimensions} dimensions)` : 'none';
  const groups = report.clusters === undefined ? 'no clusters' : plural(report.clusters, 'cluster');
  const readability = report.readability_metrics.join(', ') || 'none';
  const versions = Object.entries(report.versions)
    .map(([name, version]) => `${name} ${version}`)
    .join('; ');
  return html`<div class="wide"><table><tr><th>signal</th><th>correlation with length, raw</th><th>as it is weighted</th><th>weight</th></tr>${rows}</table></div>
<p class="soft">Embeddings: ${embedder}; ${groups}; readability: ${readability}; seed ${report.seed}. Versions: ${versions}.</p>`;
}

const cluster = ({ size, complexity, words, central }: ClusterRecord, i: number, texts: readonly string[]): Markup =>
  html`<section class="card"><h3><span class="key ${hue(i)}"></span>${i + 1}. ${words.slice(0, 5).join(', ')}</h3>
<p class="soft">${plural(size, 'sentence')}, mean difficulty ${complexity.toFixed(2)}. Nearest to its centre:</p>
<ol class="sentences">${central.map((sentence) => html`<li>${cut(texts[sentence]!, 160)}</li>`)}</ol></section>`;

function plane({ sentences, x, y, cluster: group, variance }: PlaneRecord, clusters: number, texts: readonly string[]): Markup {
  const dots = Array.from(sentences, (sentence, i) => ({ x: x[i]!, y: y[i]!, group: group[i]!, title: cut(texts[sentence]!, 120) }));
  return figure(
    scatter(dots, clusters, 'Sentences on a plane, coloured by cluster'),
    `${count(sentences.length)} sentences on the plane where their embeddings differ most, which keeps ${percent(variance)} of their variance; a number stands at the middle of its cluster. Point at a dot to read it.`,
  );
}

function clusters({ clusters: groups, clustered, map, texts }: ScoreRecord): Markup {
  if (groups.length === 0) return html`<p>None: curriculum.centrality_weight is 0, or nothing was scored.</p>`;
  const cards = groups.slice(0, MOST_CLUSTERS).map((group, i) => cluster(group, i, texts));
  const rest = groups.length - MOST_CLUSTERS;
  return html`${clustered < texts.length ? html`<p class="soft">Of a sample of ${count(clustered)} sentences.</p>` : undefined}${map && plane(map, groups.length, texts)}
<div class="cards">${cards}</div>${rest > 0 ? html`<p class="soft">… and ${count(rest)} smaller ones.</p>` : undefined}`;
}

export function sentencesSection(record: TextRecord): Markup {
  const { survey, correlations } = record;
  if (survey.texts.length === 0)
    return html`<h2>Difficulty of sentences</h2>
<p>No sentence has five words, so nothing is scored and every unit counts as middling.</p>`;
  return html`<h2>Difficulty of sentences</h2>
${difficulty(record)}

<h2>Easiest and hardest sentences</h2>
${ends(survey)}

<h2>Correlations</h2>
${figure(heat(correlations.names, correlations.matrix, 'Correlations between the measures'), "Spearman's rank correlation. A measure that is ranked within sentences of like length should not correlate with words.", true)}
${method(survey)}

<h2>Clusters</h2>
${clusters(survey)}`;
}
