import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workplace } from './command.test.util.js';
import type { Workplace } from './command.test.util.js';

// Two books one after the other, as somebody new trains them: nothing is lost, and nothing that is said is false.

let place: Workplace;
let other: string;
beforeAll(async () => {
  place = await workplace();
  other = join(place.folder, 'Другая книга.txt');
  const text = await readFile(place.book, 'utf8');
  await writeFile(other, text.replaceAll('whale', 'horse').replaceAll('sea', 'meadow'));
});
afterAll(() => place.remove());

/** The settings of a short run without a name. */
const settings = (): string[] => [...place.settings('unused').slice(2), '--set', 'training.max_steps=2', '--set', 'training.val_split=0'];
const outputs = (): string => join(place.folder, 'outputs');

describe('two books', () => {
  it('get a folder each, named after the book, and --resume gives neither the text of the other', async () => {
    const first = await place.mdiff(['train', place.book, ...settings()]);
    expect(first.code, first.err).toBe(0);
    expect(first.out).toContain('this run is named "book" after its text');
    const second = await place.mdiff(['train', other, ...settings()]);
    expect(second.code, second.err).toBe(0);
    const names = (await readdir(outputs())).sort();
    expect(names).toEqual(['book', expect.stringMatching(/^text-[0-9a-f]{8}$/)]);
    for (const name of names) {
      const card = await readFile(join(outputs(), name, 'model', 'README.md'), 'utf8');
      expect(card).toContain(name === 'book' ? 'trained from scratch on book' : 'trained from scratch on Другая книга');
    }
    const mixed = await place.mdiff(['train', other, '--resume', '--set', `output_dir=${outputs()}`, '--set', 'experiment_name=book']);
    expect(mixed.code).toBe(2);
    expect(mixed.err).toMatch(/\[book\]: expected "book" \(.*\) \(this run's value\), got "Другая книга" \(/);
    expect(await readFile(join(outputs(), 'book', 'model', 'README.md'), 'utf8')).toContain('trained from scratch on book');
  });

  it('are both named where --resume alone is unclear; with a name no other setting is needed', async () => {
    const unclear = await place.mdiff(['train', '--resume']);
    expect(unclear.code).toBe(2);
    expect(unclear.err).toMatch(
      /this folder holds 2 runs; name the one to resume:\n.*--resume outputs.book .*# of "book" at step 2 of 2 \(finished on/,
    );
    const clear = await place.mdiff(['train', '--resume', 'book', '--set', 'training.max_steps=3']);
    expect(clear.code, clear.err).toBe(0);
    expect(clear.out).toContain('this run now ends at step 3, not at 2');
    expect(clear.out).toContain('finished: 3 steps');
  });

  it('refuses --resume with --fresh', async () => {
    const { code, err } = await place.mdiff(['train', place.book, '--resume', '--fresh']);
    expect(code).toBe(2);
    expect(err).toBe('--resume continues a run and --fresh starts over: give one of the two\n');
  });

  it('off a terminal --fresh does not ask, and says where the earlier run is meanwhile', async () => {
    const { code, out } = await place.mdiff(['train', place.book, ...settings(), '--fresh', '--json']);
    expect(code).toBe(0);
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string });
    expect(events.at(-1)).toMatchObject({ event: 'result', finished: true, step: 2, steps: 2, model: join(outputs(), 'book', 'model') });
    expect(out).toMatch(/the earlier run is kept in .*book.earlier-run until the new run has its first checkpoint/);
    expect(await readdir(join(outputs(), 'book'))).not.toContain('earlier-run');
  });

  it('export --json prints the folder and its figures', async () => {
    const { out } = await place.mdiff(['export', join(outputs(), 'book'), '--weights-only', '--json']);
    expect(JSON.parse(out)).toMatchObject({ folder: join(outputs(), 'book', 'snapshot'), dtype: 'float32', step: 2, steps: 2 });
    const text = async (model: string) => /^\| text \| .*$/m.exec(await readFile(join(outputs(), 'book', model, 'README.md'), 'utf8'))![0];
    expect(await text('snapshot')).toBe(await text('model'));
  });
});
