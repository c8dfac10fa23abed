import { histogram, hue, timeline } from './chart.js';
import { html } from './html.js';
import type { Markup } from './html.js';
import { count, facts, figure, mean, percent, plural } from './parts.js';
import type { ExampleRecord, StageRecord, TextRecord } from './records.js';

// The section about the stages of the curriculum: which units each one has, and how long and how hard they are.

const SELECTIONS: Record<StageRecord['selection'], (limits: TextRecord['thresholds']) => string> = {
  easy: ({ easy }) => `the easiest ${easy} %`,
  medium: ({ easy, hard }) => `the middle, ${easy} to ${hard} %`,
  hard: ({ hard }) => `the hardest ${100 - hard} %`,
  all: () => 'all',
};

const example = ({ pieces, tokens, complexity }: ExampleRecord): Markup =>
  html`<p class="example">${pieces.map(({ text, hidden }) => (hidden ? html`<span class="hidden">${text}</span>` : text))}</p><p class="soft">difficulty ${complexity.toFixed(2)}, ${plural(tokens, 'token')}</p>`;

/** Which units the stage has, as a sentence. */
function selection({ selection: which, complexity, format, range }: StageRecord, { thresholds, fullRangeFraction }: TextRecord): Markup {
  const any = fullRangeFraction > 0 ? ` (a share of ${percent(fullRangeFraction)} of them: any rate)` : '';
  return html`<p>${SELECTIONS[which](thresholds)} of ${plural(complexity.length, format.replace(/s$/, ''))}, with ${percent(range[0])} to ${percent(range[1])} of each hidden${any}.</p>`;
}

function stage(one: StageRecord, index: number, record: TextRecord): Markup {
  const { name, selected, complexity, format } = one;
  const title = html`<h3><span class="key ${hue(index % 8)}"></span>${index + 1}. ${name}</h3>`;
  const units = selection(one, record);
  if (selected.tokens.length === 0)
    return html`<section class="card">${title}${units}<p class="notice">The text has none of these, so a run would refuse these stages.</p></section>`;
  const tokens = selected.tokens.reduce((sum, value) => sum + value, 0);
  const longest = selected.tokens.reduce((most, value) => Math.max(most, value), 0);
  const all = one.selection === 'all';
  const difficulty = histogram(complexity, {
    label: `Difficulty of the units of stage ${name}`,
    range: [0, 1],
    ...(!all && { part: selected.complexity }),
  });
  const lengths = histogram(selected.tokens, {
    label: `Lengths of the units of stage ${name}`,
    whole: true,
    range: [1, Math.max(2, longest)],
  });
  return html`<section class="card">${title}${units}
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
${figure(difficulty, all ? 'difficulty of its units' : `difficulty of all ${format} (pale) and of those this stage sees`)}
${figure(lengths, `tokens in a unit; a row has room for ${record.length}`)}
</div>
<p class="soft">Examples from easy to hard, with ${percent(one.examples[0]!.rate)} <span class="hidden">hidden</span>. The network guesses the hidden tokens:</p>
${one.examples.map(example)}
</section>`;
}

const SCHEDULE =
  'Share of a unit that is hidden, over the steps of the run. A stage that blends in is paler while rows of the one before still come.';

export function stagesSection(record: TextRecord): Markup {
  const { stages, stretches } = record;
  const bands = stretches.map(({ stage: group, ...band }) => ({ ...band, group }));
  const names = stages.map(({ name }) => name);
  return html`<h2>The stages</h2>
${bands.length > 0 ? figure(timeline(bands, names, 'Masking rates over the steps of the run'), SCHEDULE, true) : undefined}
${stages.map((one, i) => stage(one, i, record))}`;
}
