import { describe, expect, it } from 'vitest';
import { masksOf, type Frame } from './frames.js';
import { docOf, initial, isPeeking, lastStep, mainAction, next, stepInWords, type Event, type Run, type State } from './state.js';

type Timeless<T> = T extends unknown ? Omit<T, 'time'> : never;
const play = (state: State, ...events: Timeless<Event>[]): State =>
  events.reduce((before, event, i) => next(before, { ...event, time: i * 10_000 } as Event), state);

const run: Run = { status: 'running', model: 'moby', request: { path: 'infill', body: {} }, frames: [] };
const frame = (masks: number): Frame => ({
  step: 1,
  nfe: 1,
  pieces: [
    { text: 'Call me', state: 'given' },
    ...(masks === 0
      ? [{ text: ' Ahab', state: 'committed' as const, confidence: 0.5 }]
      : Array.from({ length: masks }, () => ({ text: '', state: 'mask' as const }))),
  ],
});
const written = { text: 'Call me Ahab', seed: 1 };
const begun = play(initial, { type: 'typed', text: 'Call me' }, { type: 'started', runs: { a: run } });
const whole = play(
  begun,
  { type: 'framed', side: 'a', frame: frame(2) },
  { type: 'framed', side: 'a', frame: frame(1) },
  { type: 'framed', side: 'a', frame: frame(0) },
  { type: 'finished', side: 'a', result: written, took: 100, still: false },
);

describe('what the main button does', () => {
  const at = (text: string, start = 0, end = 0) => mainAction(play(initial, { type: 'typed', text }, { type: 'selected', start, end }));
  it('continues, fills gaps, refills what is selected', () => {
    expect(at('Call me')).toEqual({ kind: 'continue' });
    expect(at('Call ___')).toEqual({ kind: 'fill' });
    expect(at('Call me ___', 0, 3)).toEqual({ kind: 'refill', start: 0, end: 4 });
  });
});

const ADVANCED = Array.from({ length: 3 }, () => ({ type: 'advanced' }) as const);

describe('steps', () => {
  it('play to the last one, and only then the text is in the editor', () => {
    expect(docOf(whole).text).toBe('Call me');
    expect(isPeeking(whole)).toBe(true);
    expect(stepInWords(whole)).toBe('step 0 of 3, 2 masks left');
    const played = play(whole, ...ADVANCED);
    expect(docOf(played)).toEqual({ text: 'Call me Ahab', marks: [{ start: 8, end: 12, confidence: 0.5 }] });
    expect(isPeeking(played)).toBe(false);
    expect(played.notice).toBe('Done in 3 steps.');
  });

  it('can be skipped, for those who want no motion', () => {
    const still = play(play(begun, { type: 'framed', side: 'a', frame: frame(0) }), {
      type: 'finished',
      side: 'a',
      result: written,
      took: 1,
      still: true,
    });
    expect(docOf(still).text).toBe('Call me Ahab');
  });

  it('can be scrubbed and replayed without another entry to undo', () => {
    const played = play(whole, ...ADVANCED);
    const back = play(played, { type: 'scrubbed', shown: 2 });
    expect([isPeeking(back), stepInWords(back)]).toEqual([true, 'step 2 of 3, 1 mask left']);
    const again = play(played, { type: 'replay', playing: true }, ...ADVANCED);
    expect([again.shown, again.playing, again.history.past.length]).toEqual([3, false, played.history.past.length]);
    expect(play(played, { type: 'scrubbed', shown: 99 }).shown).toBe(lastStep(played));
  });

  it('go when the text changes, and the text comes back with undo', () => {
    const played = play(whole, ...ADVANCED);
    const undone = play(played, { type: 'undo' });
    expect([docOf(undone).text, undone.runs]).toEqual(['Call me', {}]);
    expect(docOf(play(undone, { type: 'redo' })).text).toBe('Call me Ahab');
    expect(play(played, { type: 'typed', text: 'Call me Ahab!' }).runs).toEqual({});
  });
});

it('a comparison changes the text only when one is taken', () => {
  const both = play(
    begun,
    { type: 'set', values: { compare: {} } },
    { type: 'started', runs: { a: run, b: run } },
    { type: 'framed', side: 'a', frame: frame(0) },
    { type: 'framed', side: 'b', frame: frame(0) },
    { type: 'finished', side: 'a', result: written, took: 1, still: false },
    { type: 'finished', side: 'b', result: { text: 'Call me Bildad', seed: 2 }, took: 1, still: false },
    { type: 'advanced' },
  );
  expect(both.runs.a!.frames.map(masksOf)).toEqual([1, 0]);
  expect([docOf(both).text, isPeeking(both), both.playing]).toEqual(['Call me', false, false]);
  expect(docOf(play(both, { type: 'taken', side: 'b' })).text).toBe('Call me Bildad');
});

it('a failure ends the writing and keeps the text', () => {
  const failed = play(begun, { type: 'failed', message: 'too long', token: false });
  expect([docOf(failed).text, failed.runs, failed.failure]).toEqual(['Call me', {}, 'too long']);
  expect(play(failed, { type: 'typed', text: 'Call' }).failure).toBeNull();
});

it('a shared link replaces text and settings, and can be undone', () => {
  const opened = play(
    initial,
    { type: 'typed', text: 'mine' },
    { type: 'shared', shared: { text: 'theirs', settings: { seed: 3 }, placed: [], tab: 'read' } },
  );
  expect([docOf(opened).text, opened.settings, opened.tab]).toEqual(['theirs', { seed: 3 }, 'read']);
  expect(docOf(play(opened, { type: 'undo' })).text).toBe('mine');
});
