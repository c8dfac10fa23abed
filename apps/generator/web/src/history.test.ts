import { expect, it } from 'vitest';
import { historyOf, record, redo, undo } from './history.js';

const typing = (time: number) => ({ kind: 'typing', time });

it('undoes and redoes', () => {
  const two = record(record(historyOf('a'), 'b', { kind: 'write', time: 0 }), 'c', { kind: 'write', time: 1 });
  expect(undo(two).present).toBe('b');
  expect(undo(undo(two)).present).toBe('a');
  expect(undo(undo(undo(two))).present).toBe('a');
  expect(redo(undo(two)).present).toBe('c');
  expect(redo(two)).toBe(two);
});

it('undoes what was typed in one go as one step', () => {
  let history = historyOf('');
  for (const [i, text] of ['w', 'wh', 'wha'].entries()) history = record(history, text, typing(i * 200));
  history = record(history, 'what', typing(5_000));
  expect(undo(history).present).toBe('wha');
  expect(undo(undo(history)).present).toBe('');
});

it('a change after an undo has no redo', () => {
  const history = record(undo(record(historyOf('a'), 'b', typing(0))), 'c', typing(1));
  expect(history.future).toEqual([]);
  expect(undo(history).present).toBe('a');
});
