// Writes tokenizers for Moby-Dick (trained; GPT-2's, cut; one given) and the ids that mdiff gives to held-out text, awkward strings and random Unicode, for tokens.py.
// Usage, from the workspace root: node --conditions=@mdiff/source --import tsx checks/python/tokens.mjs FOLDER
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { stream } from '@mdiff/diffusion';
import { Tokenizer, holdOut } from '@mdiff/text';
import { compressGpt2, loadSource, trainBpe } from '@mdiff/text/node';

const folder = process.argv[2];
const { documents } = await loadSource('builtin:moby-dick');
const { train, heldOut } = holdOut(documents, 0.1);
const texts = (sections) => sections.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text));
const rng = stream(1, 'unicode');
const scalar = () => {
  const point = rng.int(0x110000 - 0x800);
  return String.fromCodePoint(point < 0xd800 ? point : point + 0x800);
};
const near = [..."ab THE 09\n\t\r's’—é漢😀\u0085\u00a0\ufeff\u2028\u200b\u3000²Ⅷ\u0301\u0000[]"];
const random = () => Array.from({ length: 1 + rng.int(12) }, () => (rng.next() < 0.3 ? scalar() : near[rng.int(near.length)])).join('');
const awkward = ['', ' ', '\n', "'ll\u0085'll\ufeff'll", '[MASK] [PAD][BOS] [EOS]x[SEP]', ' .  , \u00a0\u00a0 .', 'a'.repeat(3000)];
const named = [
  ...texts(heldOut).map((text, i) => ({ name: `held-out paragraph ${i + 1}`, text })),
  ...awkward.map((text) => ({ name: JSON.stringify(text.slice(0, 40)), text })),
  ...Array.from({ length: 2000 }, (_, i) => ({ name: `random string ${i + 1}`, text: random() })),
];
const tokenizers = {
  bpe: (await trainBpe(texts(train), { vocabSize: 8192 })).tokenizer,
  gpt2_compressed: (await compressGpt2(texts(train), { vocabSize: 25_000 })).tokenizer,
  given: Tokenizer.fromJson(readFileSync(new URL('../../packages/text/fixtures/given.json', import.meta.url), 'utf8')),
};
for (const [kind, tokenizer] of Object.entries(tokenizers)) {
  mkdirSync(join(folder, kind), { recursive: true });
  writeFileSync(join(folder, kind, 'tokenizer.json'), JSON.stringify(tokenizer.toJson()));
  writeFileSync(
    join(folder, kind, 'cases.json'),
    JSON.stringify(named.map(({ name, text }) => ({ name, text, ids: [...tokenizer.encode(text)] }))),
  );
}
