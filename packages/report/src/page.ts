import { mustBe } from '@mdiff/arguments';
import { Markup, html } from './html.js';
import { count, facts } from './parts.js';
import type { TextRecord } from './records.js';
import { sentencesSection } from './sentences.js';
import { stagesSection } from './stages.js';
import { style } from './style.js';

// The report on a text as one page that needs nothing else. The same record makes the same page, to the byte.

function summary({ documents, survey, tokens, bytes, vocabulary }: TextRecord): Markup {
  const { sentences, scored, mean_words: words } = survey.scores.report;
  return facts([
    ['documents', `${count(documents.train)} + ${count(documents.heldOut)} held out`],
    ['sentences', count(sentences)],
    ['scored', count(scored)],
    ['words in a sentence', words.toFixed(1)],
    ['tokens', count(tokens)],
    ['bytes a token', (bytes / Math.max(1, tokens)).toFixed(2)],
    ['vocabulary', `${count(vocabulary.size)} (${vocabulary.from})`],
  ]);
}

/** One self-contained HTML page: the stages of a run over the text, and how hard its sentences are. */
export function textPage(record: TextRecord): string {
  mustBe('textPage', 'record', record, 'object');
  const [first = '', ...others] = record.titles;
  const title = first === '' ? record.source : others.length === 0 ? first : `${first} and ${count(others.length)} more`;
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>${title}: report on a text</title>
<style>${new Markup(style)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="soft">This page shows the text as a run would see it, stage by stage, and how hard its sentences are. mdiff data report wrote it from ${record.source}.</p>
${summary(record)}
${record.notices.map((notice) => html`<p class="notice">${notice}</p>`)}
<p class="soft">All figures are of the training part. mdiff scores sentences of prose with five words or more, each once. Difficulty runs from 0 (easy) to 1 (hard). It ranks sentences within this text and cannot be compared between texts.</p>

${stagesSection(record)}

${sentencesSection(record)}
</main>
</body>
</html>
`;
  return page.text;
}
