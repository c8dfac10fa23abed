import { describe, expect, it } from 'vitest';

import type { Section } from '../types.js';
import { countRepeated, nearDuplicates } from './duplicate.js';

const section = (...texts: string[]): Section => ({ title: '', paragraphs: texts.map((text) => ({ text, kind: 'prose' })) });
const words = (from: number, count: number) => Array.from({ length: count }, (_, i) => `word${from + i}`).join(' ');

describe('nearDuplicates', () => {
  it('finds a repeated paragraph with a word changed, and says where both stand', () => {
    const original = words(0, 100);
    const changed = original.replace('word50 ', 'other ');
    const [pair, ...more] = nearDuplicates(
      [section(words(1000, 60), original), section(words(2000, 60))],
      [section(words(3000, 60)), section(words(4000, 60), changed)],
    );
    expect(more).toEqual([]);
    expect(pair).toMatchObject({ heldOut: { section: 1, paragraph: 1 }, train: { section: 0, paragraph: 1 } });
    // 96 runs of five words each; a changed word changes five of them: 91 in common of 101.
    expect(pair!.similarity).toBeCloseTo(91 / 101, 10);
  });

  it('names the nearest of several, and ignores case and punctuation', () => {
    const text = words(0, 40);
    const [pair] = nearDuplicates(
      [section(text.replace('word39', 'x'), text)],
      [section(`“${text.toUpperCase().replaceAll(' ', ', ')}.”`)],
    );
    expect(pair).toEqual({ heldOut: { section: 0, paragraph: 0 }, train: { section: 0, paragraph: 1 }, similarity: 1 });
  });

  it('leaves out paragraphs that share half their words, and short cries', () => {
    expect(nearDuplicates([section(words(0, 100))], [section(words(50, 100))])).toEqual([]);
    expect(nearDuplicates([section('“There she blows!”')], [section('“There she blows!”')])).toEqual([]);
    expect(nearDuplicates([], [section(words(0, 50))])).toEqual([]);
  });

  it('finds every exact copy among a thousand paragraphs', () => {
    const texts = Array.from({ length: 1000 }, (_, i) => words(i * 37, 30));
    const found = nearDuplicates([section(...texts)], [section(...texts.filter((_, i) => i % 10 === 0))]);
    expect(found).toHaveLength(100);
    expect(found.every(({ heldOut, train }) => train.paragraph === heldOut.paragraph * 10)).toBe(true);
  });
});

it('countRepeated counts repetitions, not the first occurrence', () => {
  const text = words(0, 20);
  expect(countRepeated([section(text, words(50, 20), text), section(text, 'Ay, ay!', 'Ay, ay!')])).toBe(2);
});

it('finds the like of each of thousands of nearly equal refrains in seconds', () => {
  const refrain = (i: number, who: string) =>
    `And ${who} went down to the sea again in the ${i} year and nobody on the quay said a word of it to anyone that night.`;
  const section = (who: string) => ({
    title: who,
    paragraphs: Array.from({ length: 4000 }, (_, i) => ({ text: refrain(i, who), kind: 'prose' as const })),
  });
  const pairs = nearDuplicates([section('he')], [section('he')], 0.5);
  expect(pairs.length).toBeGreaterThan(3900);
});

it('counts the words of a script without blanks', () => {
  const text = '昨天晚上老船长又一次走到海边去看灯塔，可是没有人知道他为什么要去那里。';
  const sections = [{ title: '', paragraphs: [{ text, kind: 'prose' as const }] }];
  expect(nearDuplicates(sections, sections)).toMatchObject([{ similarity: 1 }]);
});
