// Reads 2 MB of one piece of notation after another, as plain text, Markdown and HTML, bare and among words: each has to end in text or in one TextError
// within the time that any input may take. A reader that is quadratic in its input shows here and not in the small files of the tests.
// Usage, from the workspace root: node --conditions=@mdiff/source --import tsx checks/text/large.mjs [BYTES] [FROM-TO]
import { Readable } from 'node:stream';

import { loadSource } from '@mdiff/text/node';

import { counter } from '../count.mjs';
import { NOTATION } from './notation.mjs';

const MOST_SECONDS = 20;
const bytes = Number(process.argv[2] ?? 2_000_000);
const [from, to] = (process.argv[3] ?? `0-${NOTATION.length}`).split('-').map(Number);

/** The middle of every input: a piece again and again, or each time with words after it, on one line or on lines of their own. */
const ARRANGED = {
  bare: (piece) => piece,
  'among words': (piece) => `${piece}some words of a sentence. `,
  'on lines': (piece) => `${piece}A line with some words of it,\n`,
  'in paragraphs': (piece) => `Words before it ${piece} and after.\n\n`,
};
const FORMATS = { text: (text) => text, markdown: (text) => text, html: (text) => `<!doctype html><title>T</title><body>${text}</body>` };

const { check, end } = counter();
for (const piece of NOTATION.slice(from, to)) {
  const slow = [];
  let slowest = 0;
  for (const [arrangement, arrange] of Object.entries(ARRANGED))
    for (const [format, wrap] of Object.entries(FORMATS)) {
      const once = arrange(piece);
      const text = wrap(once.repeat(Math.ceil(bytes / Buffer.byteLength(once))));
      const began = process.cpuUsage();
      const outcome = await loadSource('-', { stdin: Readable.from([Buffer.from(text)]), format }).then(
        () => '',
        (error) => (error?.code === 'MDIFF_TEXT' && !error.message.includes('\n') ? '' : String(error?.stack ?? error)),
      );
      const { user, system } = process.cpuUsage(began);
      const seconds = (user + system) / 1e6;
      slowest = Math.max(slowest, seconds);
      if (outcome || seconds > MOST_SECONDS) slow.push(`${format}, ${arrangement}: ${outcome || `${seconds.toFixed(1)} s`}`);
      else if (seconds > MOST_SECONDS / 4) console.log(`  ${JSON.stringify(piece)} as ${format}, ${arrangement}: ${seconds.toFixed(1)} s`);
    }
  check(`${JSON.stringify(piece)}, ${bytes} bytes of it, in ${slowest.toFixed(1)} s at most`, slow.join('\n'));
}
end();
