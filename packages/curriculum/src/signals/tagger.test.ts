import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { loadSource } from '@mdiff/text/node';
import { describe, expect, it } from 'vitest';
import { listSentences } from '../sentence.js';
import { read } from './tagger.js';

/** Every tag, chunk and clause of a sentence, by compromise as it comes: in a process of its own, since a plugin changes it for good. */
const plain = `
  import nlp from 'compromise';
  import { readFileSync } from 'node:fs';
  const found = JSON.parse(readFileSync(0, 'utf8')).map((sentence) => {
    const doc = nlp(sentence);
    const clauses = doc.clauses().length;
    return [clauses, doc.docs.map((terms) => terms.map(({ normal, tags, chunk }) => [normal, [...tags].sort(), chunk ?? null]))];
  });
  console.log(JSON.stringify(found));`;

describe('the tagger', () => {
  it('gives the tags of compromise alone, for sentences of a book', async () => {
    const { documents } = await loadSource('builtin:moby-dick');
    const sentences = listSentences(documents.flatMap(({ sections }) => sections)).filter((_, i) => i % 40 === 7);
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', plain], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      input: JSON.stringify(sentences),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const expected = JSON.parse(out) as unknown[];
    expect(sentences.length).toBeGreaterThan(200);
    sentences.forEach((sentence, i) => {
      const { clauses, docs } = read(sentence);
      expect(
        [clauses, docs.map((terms) => terms.map(({ normal, tags, chunk }) => [normal, [...tags].sort(), chunk ?? null]))],
        sentence,
      ).toEqual(expected[i]);
    });
  }, 60_000);
});
