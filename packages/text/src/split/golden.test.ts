import { describe, expect, it } from 'vitest';

import { splitSentences } from './sentence.js';

// Situations that published golden rules of sentence splitters name, in sentences of our own; | marks a boundary.
const SITUATIONS = [
  'The lamp is lit.|My brother carried it.',
  'Where is the boat?|My brother sold it.',
  'Here she comes!|I see her.',
  'The pilot was called Amos T. Vane.',
  'Look it up on p. 31.',
  'Will Ruth and co. be at the fair?',
  'He sold the mill to Holt, Vane & Co. at noon.',
  'Go and see Ruth and co. They will know.',
  'He sold the mill to Holt, Vane & Co. It opened in May.',
  'We could see Mt. Harrow from the quay.',
  "St. Anne's Hall stands on 9th st. near the wall.",
  "It was Amos Vane Jr.'s boat.",
  'He crossed the U.S.A. last spring.',
  'They sailed to the E.U. How did you hear of it?',
  'They sailed to the U.S. How did you hear of it?',
  'She worked for the U.S. Treasury in Boston.',
  'He stayed in the U.S. for nine years.',
  'At 6 a.m. Mr. Vane went to the quay.|He left the quay at 7 P.M. Mr. Vane then went home.',
  'The rope cost $14.50 in March.',
  'The rope cost $14.50.|It was old.',
  'The boy tends the lamps (He came here as a cook.) in the tower.',
  'Write to Ruth.Vane@harrow.example.|I shall answer.',
  'It is all at: https://www.harrow.40.example/the-mill/green_letter.html.|Read it when you can.',
  "She gave it back to him, 'It is yours.' she said.",
  'She gave it back to him, "It is yours." she said.',
  'She gave it back to him, "It is yours." He put the letter away.',
  'Ahoy!!|We took you for lost.',
  'Ahoy??|Who is at the gate?',
  'Ahoy!?|Is it you?',
  'Ahoy?!|Is it you?',
  '1.) The black boat |2.) The green letter',
  '1.) The black boat. |2.) The green letter.',
  '1) The black boat |2) The green letter',
  '1) The black boat. |2) The green letter.',
  '1. The black boat |2. The green letter',
  '1. The black boat. |2. The green letter.',
  '• 3. The black boat |• 4. The green letter',
  'a. The black boat |b. The green letter |c. The long wall',
  'The ferry left the\nquay a little after six.',
  'It was a hard \nwinter in the bay.',
  'The chest lies at N°. 2031.117.4. Nobody has opened it.',
  'He wrote to Ahoy! in the harbour office.',
  'We shall do it, you and I. Has anyone asked Amos I. Vane about it?',
  'He says that in a small house “the troubles of the world will seem fewer. . . .”',
  '"Vane [...] kept the ledger of the mill [...]" (Holt 31).',
  'If a writer leaves out the end of what he quotes, he shows it with dots and then stops the sentence . . . .|The next one follows.',
  'I never said so....|She shut the door.',
  'I did not ... well, what I want...you see . . . what I am saying is . . . I never asked.',
  'The habit was a little weakened . . . and then it was that of a whole town. . . .|The bells were not rung. . . .',
  'The thaw has come.|Today is Monday.|Mr. Vane went to the mill and paid 1,400.|That is too much.',
];
// A boundary without a mark, after an abbreviation, or with no blank in the text.
const MARKED = new Map(
  (
    [
      ['Go and see Ruth and co. They', 'Go and see Ruth and co.|They'],
      ['& Co. It', '& Co.|It'],
      ['E.U. How', 'E.U.|How'],
      ['the U.S. How', 'the U.S.|How'],
      ['P.M. Mr.', 'P.M.|Mr.'],
      ['yours." He', 'yours."|He'],
      ['117.4. Nobody', '117.4.|Nobody'],
      ['you and I. Has', 'you and I.|Has'],
    ] as const
  ).map((pair) => pair),
);
const marked = SITUATIONS.map((situation) => [...MARKED].reduce((text, [plain, cut]) => text.replace(plain, cut), situation));
const NO_BLANK = 'The thaw has come.|Today';
const plainOf = (text: string): string => (text.startsWith(NO_BLANK) ? text.replaceAll('|', '') : text.replace(/ ?\|/g, ' '));
const wrong = marked.filter((text) => {
  const right = text.split('|').map((part) => part.trim());
  return JSON.stringify(splitSentences(plainOf(text))) !== JSON.stringify(right);
});

describe('the situations of golden rules', () => {
  it('splits at least 44 of 48 as a reader does, and says which it does not', () => {
    expect(SITUATIONS.length).toBeGreaterThanOrEqual(48);
    expect(wrong).toEqual([]);
  });

  it.each([
    ['“你好。”他说。|天已经黑了。', ''],
    ['他回来了。|「你去哪里？」|「回家。」', ''],
    ['「行くよ。」と言った。|もう遅い。', ''],
    ['她说："我不去。"|天黑了。', ''],
  ])('keeps quotation marks of Chinese and Japanese with their sentences: %s', (text, blank) => {
    expect(splitSentences(text.replaceAll('|', blank))).toEqual(text.split('|'));
  });

  it('leaves no sentence without a letter or a digit', () => {
    for (const text of ['He left. . . . She came.', '. . . And so on.', 'Well . . . . "', '“…” He said no.', '— ! — ? No.'])
      for (const sentence of splitSentences(text)) expect(sentence).toMatch(/[\p{L}\p{N}]/u);
  });

  it.each([
    'Hon. Amos Vane came.',
    'It fell in 43 A.D. before the thaw.',
    'See ch. 4 and cf. Vane on it.',
    'We met Com. Holt there.',
    'Gen. Holt came.',
  ])('knows the abbreviations of old books: %s', (text) => {
    expect(splitSentences(text)).toEqual([text]);
  });
});
