// How many words of sampled texts are no words, how many stand twice in a row, and how varied the texts are: one line for each setting.
import { readFileSync } from 'node:fs';
import { loadModel, loadText, generate, wordsIn } from '@mdiff/generate';
import { loadSource } from '@mdiff/text/node';
import { optionsOf, text, whole } from '../shared/options.mjs';
import { countWords, unknownIn, wordsOf } from './count.ts';

const options = optionsOf({
  name: 'words',
  about: 'Words of sampled texts that are no words of the reference, doubled words, distinct pairs of words, and passes, for each --arm.',
  options: {
    model: { kind: text('folder'), default: 'outputs/quickstart/model', help: 'a model folder' },
    book: { kind: text('source'), default: 'builtin:moby-dick', help: 'text whose words are words' },
    reference: { kind: text('file'), many: true, help: 'a further text file whose words are words; may be repeated' },
    arm: {
      kind: text('json'),
      many: true,
      help: 'options of generate, such as {"blockLength":1}; may be repeated (default: those of the folder)',
    },
    lexicon: { kind: text('source'), help: 'a text: each arm also runs with its words alone (allowedWords)' },
    tokens: { kind: whole(8), default: 120, help: 'tokens of a text' },
    texts: { kind: whole(1), default: 4, help: 'texts for each prompt' },
    list: { help: 'print every unknown word with the words around it' },
  },
});
const PROMPTS = ['The captain stood', 'It was', '', 'In the morning', 'He said', 'Upon the sea'];

const { documents } = await loadSource(options.book, { dataDir: 'data' });
const book = documents.flatMap(({ sections }) => sections.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text))).join('\n');
const known = new Set(wordsOf(book));
for (const file of options.reference ?? []) for (const word of wordsOf(readFileSync(file, 'utf8'))) known.add(word);

const line = (name, { words, unknown, doubled, distinct2 }, passes = '') => {
  const rate = (list) => ((1000 * list.length) / words).toFixed(2);
  const examples = [...new Set(unknown)].slice(0, 8).join(' ');
  console.log(
    `${name}: ${words} words, per 1,000: ${rate(unknown)} unknown, ${rate(doubled)} doubled; distinct pairs ${distinct2.toFixed(3)}${passes}; ${examples}`,
  );
};
line('the book itself', countWords([{ text: book, finish: 'stop' }], known));
const model = await loadModel(options.model);
const lexicon = options.lexicon && wordsIn((await loadText(options.lexicon)).join('\n'));
for (const arm of options.arm?.length ? options.arm : ['{}']) {
  for (const rule of lexicon ? [{}, { allowedWords: lexicon }] : [{}]) {
    const texts = [];
    for (const prompt of PROMPTS) {
      const result = await generate(model, { prompt, maxTokens: options.tokens, n: options.texts, seed: 100, ...JSON.parse(arm), ...rule });
      texts.push(...result.texts);
    }
    const [passes, tokens] = ['nfe', 'tokens'].map((count) => texts.reduce((sum, text) => sum + text[count], 0));
    const name = `${arm}${rule.allowedWords ? ', words of the lexicon alone' : ''}`;
    line(name, countWords(texts, known), `; ${(passes / tokens).toFixed(3)} passes a token`);
    if (options.list) for (const found of unknownIn(texts, known)) console.log(`  ${found}`);
  }
}
await model.close();
