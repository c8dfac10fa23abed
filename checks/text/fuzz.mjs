// Reads mutations of the fixtures of every format: each has to end in text or in one TextError of one line, within the time that any input may take.
// Usage, from the workspace root: node --conditions=@mdiff/source --import tsx checks/text/fuzz.mjs [CASES] [SEED]
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';

import { stream } from '@mdiff/diffusion';
import { loadSource } from '@mdiff/text/node';

import { counter } from '../count.mjs';
import { NOTATION } from './notation.mjs';

const MOST_SECONDS = 20;
const MOST_BYTES = 200_000;
const [cases, seed] = [Number(process.argv[2] ?? 2000), Number(process.argv[3] ?? 1)];
const { unzipSync, zipSync } = createRequire(new URL('../../packages/text/package.json', import.meta.url))('fflate');
const rng = stream(seed, 'fuzz');
const folder = new URL('../../packages/text/fixtures/cases/', import.meta.url);
const pieces = NOTATION.map((text) => Buffer.from(text));
const files = readdirSync(folder).map((name) => ({ name, bytes: readFileSync(new URL(name, folder)) }));

/** One change: bytes flipped, cut, doubled, moved in from another file, or a piece of notation, once or a thousand times. */
function changed(bytes) {
  const [from, length] = [rng.int(bytes.length + 1), 1 + rng.int(60)];
  const [before, after] = [bytes.subarray(0, from), bytes.subarray(from)];
  switch (rng.int(6)) {
    case 0:
      return Buffer.concat([before, Buffer.from(after.subarray(0, 3)).map((byte) => byte ^ (1 << rng.int(8))), after.subarray(3)]);
    case 1:
      return Buffer.concat([before, after.subarray(length)]);
    case 2:
      return Buffer.concat([before, ...Array.from({ length: 1 + rng.int(200) }, () => after.subarray(0, length)), after]);
    case 3: {
      const { bytes: other } = files[rng.int(files.length)];
      const start = rng.int(other.length);
      return Buffer.concat([before, other.subarray(start, start + 10 * length), after]);
    }
    default: {
      const piece = pieces[rng.int(pieces.length)];
      return Buffer.concat([before, ...Array.from({ length: rng.next() < 0.2 ? 1000 : 1 }, () => piece), after]);
    }
  }
}

/** Changes of a file, or of a file inside an archive. */
function mutate(bytes) {
  let result = bytes;
  for (let changes = 1 + rng.int(3); changes > 0 && result.length < MOST_BYTES; changes--) result = changed(result);
  return result;
}

function mutated({ bytes }) {
  if (bytes.subarray(0, 2).toString() !== 'PK' || rng.next() < 0.3) return mutate(bytes);
  const members = Object.entries(unzipSync(bytes));
  const chosen = rng.int(members.length);
  return Buffer.from(
    zipSync(Object.fromEntries(members.map(([name, data], i) => [name, i === chosen ? mutate(Buffer.from(data)) : data]))),
  );
}

const { check, end } = counter();
const problems = [];
let slowest = 0;
for (let i = 0; i < cases; i++) {
  const file = files[i % files.length];
  const bytes = mutated(file);
  const began = process.cpuUsage();
  const outcome = await loadSource('-', { stdin: Readable.from([bytes]), format: file.name.endsWith('.md') ? 'markdown' : 'auto' }).then(
    ({ documents }) =>
      documents.every(({ sections }) => sections.every(({ paragraphs }) => paragraphs.length > 0)) ? '' : 'an empty section',
    (error) => (error?.code === 'MDIFF_TEXT' && !error.message.includes('\n') ? '' : String(error?.stack ?? error)),
  );
  const { user, system } = process.cpuUsage(began);
  slowest = Math.max(slowest, (user + system) / 1e6);
  const late = (user + system) / 1e6 > MOST_SECONDS ? `took ${((user + system) / 1e6).toFixed(1)} s` : '';
  if (outcome || late) problems.push(`case ${i} of seed ${seed}, from ${file.name}: ${outcome || late}`);
}
check(
  `${cases} mutations of ${files.length} files end in text or in one TextError; the slowest took ${slowest.toFixed(2)} s`,
  problems.slice(0, 5).join('\n'),
);
end();
