import { describe, expect, it, vi } from 'vitest';

import { unitComplexity } from './complexity.js';
import { bytes, section } from './fixture.test.util.js';
import { scoreSentences } from './score.js';
import { listSentences } from './sentence.js';
import { parseFeatures } from './signals/parse.js';
import { tfidfSvd } from './signals/tfidf.js';
import type { Memo, ScoreOptions } from './signals/work.js';
import { makeUnits } from './units.js';

const easy = [
  'We saw the big whale.',
  'The men ate their bread.',
  'The sea was very calm.',
  'The ship was in the sea.',
  'He saw the men on the ship.',
];
const hard = [
  'Notwithstanding the inscrutable malignity which philosophers attributed to leviathans, the harpooneers, who had deliberated, proceeded.',
  'Whenever incommunicable apprehensions overwhelmed him, because imagination magnified whatever observation suggested, Ahab meditated.',
];
const sentences = [...easy, 'No, sir.', ...hard, easy[0]!];
const curriculum = { lexical_weight: 0.3, syntactic_weight: 0.3, centrality_weight: 0.4, n_clusters: 2 };
const data: ScoreOptions['data'] = { idf_corpus_size: 1000, readability_metrics: ['flesch', 'coleman_liau', 'automated_readability'] };
const options = (more: Partial<ScoreOptions> = {}): ScoreOptions => ({
  curriculum,
  data,
  seed: 1,
  embedder: tfidfSvd({ seed: 1 }),
  parse: parseFeatures,
  ...more,
});
const only = (signal: 'lexical' | 'syntactic' | 'centrality') => ({
  ...curriculum,
  lexical_weight: 0,
  syntactic_weight: 0,
  centrality_weight: 0,
  [`${signal}_weight`]: 1,
});

describe('scoreSentences', () => {
  it('scores hard sentences high, short ones not at all, equal ones equally', async () => {
    const { complexity, report } = await scoreSentences(sentences, options({ curriculum: only('syntactic') }));
    expect(Math.min(complexity[6]!, complexity[7]!)).toBeGreaterThan(Math.max(...complexity.subarray(0, 5)));
    expect(complexity[5]).toBeNaN();
    expect(complexity[8]).toBe(complexity[0]);
    expect(report).toMatchObject({ sentences: 9, scored: 7, seed: 1, left_out: [], weights: { lexical: 0, syntactic: 1, centrality: 0 } });
  });

  it('scores a text in a script without blanks, and says what it cannot count there', async () => {
    const chinese = [
      '老人慢慢地走过那座旧桥。',
      '孩子忽然看见母亲留下的木箱，又悄悄地离开。',
      '渔民终于回到空空的码头，打开一封没有写完的信。',
      '夜里的海面又黑又冷，灯塔的光也看不见。',
    ];
    const { complexity, report } = await scoreSentences(chinese, options({ curriculum: { ...curriculum, centrality_weight: 0 } }));
    expect([...complexity].every((value) => value > 0)).toBe(true);
    expect(report).toMatchObject({ sentences: 4, scored: 4 });
    expect(report.left_out).toEqual([expect.stringMatching(/^the text is not English: no parse features/)]);
  });

  it('weighs ranks', async () => {
    const { complexity, ranks, report } = await scoreSentences(sentences, options());
    // Three products and two sums of doubles.
    sentences.forEach(
      (_, i) =>
        i !== 5 &&
        expect(complexity[i]).toBeCloseTo(0.3 * ranks.lexical![i]! + 0.3 * ranks.syntactic![i]! + 0.4 * ranks.centrality![i]!, 14),
    );
    expect(Object.keys(report.length_correlation).sort()).toEqual(['centrality', 'lexical', 'syntactic']);
    expect(report).toMatchObject({ clusters: 2, embedder: { name: 'tfidf-svd' } });
  });

  it('computes only the ranking anew when a weight changes', async () => {
    const kept = new Map<string, Float32Array>();
    const made = vi.fn();
    const memo: Memo = async (name, settings, make) => {
      const key = JSON.stringify([name, settings]);
      if (!kept.has(key)) {
        made(name);
        kept.set(key, await make());
      }
      return kept.get(key)!;
    };
    const first = await scoreSentences(sentences, options({ memo }));
    expect(made.mock.calls.flat().sort()).toEqual([
      'automated_readability',
      'coleman_liau',
      'distance',
      'embedding',
      'flesch',
      'lexical',
      'parse',
    ]);
    made.mockClear();
    const second = await scoreSentences(
      sentences,
      options({ memo, curriculum: { ...curriculum, lexical_weight: 0.6, syntactic_weight: 0.1, centrality_weight: 0.3 } }),
    );
    expect(made).not.toHaveBeenCalled();
    expect(second.complexity).not.toEqual(first.complexity);
    await scoreSentences(sentences, options({ memo, curriculum: { ...curriculum, n_clusters: 3 } }));
    expect(made.mock.calls.flat()).toEqual(['distance']);
    expect((await scoreSentences(sentences, options({ memo }))).complexity).toEqual(first.complexity);
  });

  it('gives the same to the bit when only a few sentences are in hand at once, and goes on where it was stopped', async () => {
    const whole = await scoreSentences(sentences, options());
    const kept = new Map<string, Float32Array>();
    let left = 2;
    const parse = vi.fn((block: readonly string[]) => {
      if (left-- === 0) throw new Error('stopped');
      return parseFeatures(block);
    });
    const memo: Memo = async (name, settings, make) => {
      const key = JSON.stringify([name, settings]);
      if (!kept.has(key)) kept.set(key, await make());
      return kept.get(key)!;
    };
    const inBlocks = () => scoreSentences(sentences, options({ block: 3, parse, memo }));
    await expect(inBlocks()).rejects.toThrow('stopped');
    const { complexity, ranks, report } = await inBlocks();
    expect(parse.mock.calls.map(([block]) => block.length)).toEqual([3, 3, 1, 1]);
    expect([complexity, ranks, report]).toEqual([whole.complexity, whole.ranks, whole.report]);
  });

  it('reports its progress, also for values from the memo', async () => {
    const seen: [number, number][] = [];
    const memo: Memo = async (name, _, make) => (name === 'parse' ? new Float32Array(7 * 4) : make());
    await scoreSentences(sentences, options({ memo, progress: (done, total) => seen.push([done, total]) }));
    expect(seen.at(-1)).toEqual([14, 14]);
    expect(seen.map(([done]) => done)).toEqual([...seen.map(([done]) => done)].sort((a, b) => a - b));
  });

  it.each(['lexical', 'syntactic', 'centrality'] as const)('orders by %s alone when that has all the weight', async (signal) => {
    const { complexity, ranks } = await scoreSentences(sentences, options({ curriculum: only(signal) }));
    expect(Object.keys(ranks)).toEqual([signal]);
    expect(complexity).toEqual(ranks[signal]);
  });

  it('takes the readability metrics it is given, and parse features alone without any', async () => {
    const score = async (metrics: ScoreOptions['data']['readability_metrics']) =>
      (await scoreSentences(sentences, options({ curriculum: only('syntactic'), data: { ...data, readability_metrics: metrics } })))
        .complexity;
    expect(await score([])).not.toEqual(await score(['flesch']));
    expect(await score(['coleman_liau'])).not.toEqual(await score(['flesch']));
  });

  it('counts document frequencies in as many sentences as asked', async () => {
    const score = async (idf_corpus_size: number) =>
      (await scoreSentences(sentences, options({ curriculum: only('lexical'), data: { ...data, idf_corpus_size } }))).complexity;
    expect(await score(2)).not.toEqual(await score(1000));
  });

  it('asks the embedder it is given', async () => {
    const embed = vi.fn((texts: readonly string[]) =>
      Promise.resolve({ data: Float32Array.from(texts, (text) => text.length), dimensions: 1 }),
    );
    const { report } = await scoreSentences(sentences, options({ embedder: { name: 'length', version: '1', embed } }));
    expect(embed.mock.calls[0]![0]).toEqual([...easy, ...hard]);
    expect(report.embedder).toEqual({ name: 'length', version: '1', dimensions: 1 });
  });

  it('leaves out measures that mean nothing in another language, and reports it', async () => {
    const german = [
      'Als Gregor Samsa eines Morgens aus unruhigen Träumen erwachte, fand er sich verwandelt.',
      'Er lag auf seinem panzerartig harten Rücken.',
      'Gregors Blick richtete sich dann zum Fenster.',
    ];
    const parse = vi.fn(parseFeatures);
    const { report, complexity } = await scoreSentences(german, options({ parse }));
    expect(parse).not.toHaveBeenCalled();
    expect(report.readability_metrics).toEqual(['coleman_liau', 'automated_readability']);
    expect(report.left_out).toEqual(['the text is not English: no parse features and no flesch, which count English words and syllables']);
    expect([...complexity].every(Number.isFinite)).toBe(true);
  });

  it('scores nothing where nothing can be scored', async () => {
    const { complexity, report } = await scoreSentences(['No, sir.'], options());
    expect([...complexity]).toEqual([NaN]);
    expect(report.scored).toBe(0);
  });
});

describe('unitComplexity', () => {
  const unitOptions = {
    format: 'paragraphs',
    data: { min_sentence_length: 1, max_sentence_length: 512, sentence_overlap: 50, paragraph_max_sentences: 10 },
    maxSlot: 512,
    shiftHead: true,
    seed: 1,
  } as const;
  const verse = {
    title: 'v',
    paragraphs: [{ kind: 'verse' as const, text: 'The ribs and terrors in the whale,\nArched over me a dismal gloom.' }],
  };
  const text = [section('First one here. Second one.'), verse, section('Third one. No.')];
  const complexity = Float64Array.of(0.2, 0.8, 0.5, NaN);
  const lengths = listSentences(text).map((sentence) => bytes.encode(sentence).length);
  const of = (more: object) => [...unitComplexity(makeUnits(text, bytes, { ...unitOptions, ...more }), complexity, (i) => lengths[i]!)];

  it('is the mean over the scored sentences by their tokens; verse is middling', () => {
    // Equal to rounding.
    const [first, second, third] = of({});
    expect(first).toBeCloseTo((15 * 0.2 + 11 * 0.8) / 26, 14);
    expect([second, third]).toEqual([0.5, 0.5]);
  });

  it('follows the format of the units', () => {
    expect(of({ format: 'sentences' })).toEqual([0.2, 0.8, 0.5, 0.5]);
    expect(of({ format: 'pairs' })[0]).toBeCloseTo((15 * 0.2 + 11 * 0.8) / 26, 14);
  });

  it('knows which part of a sentence a unit holds', () => {
    const long = [section('This is a sentence that is far too long for it. Short.')];
    const units = makeUnits(long, bytes, { ...unitOptions, maxSlot: 28 });
    expect(units.flatMap(({ parts }) => parts!.map(({ sentence }) => sentence))).toEqual([0, 0, 1]);
    const tokens = units.map(({ parts }) => parts!.map((part) => part.tokens));
    const [last] = [unitComplexity(units, Float64Array.of(0.25, 0.75), () => 1e9).at(-1)];
    const [a, b] = tokens.at(-1)!.length === 2 ? tokens.at(-1)! : [0, 1];
    expect(last).toBeCloseTo((a! * 0.25 + b! * 0.75) / (a! + b!), 14);
  });
});
