import { expect, test } from 'vitest';
import { withoutPlaces } from './ship-base.mjs';

test('a published configuration names no place of the machine that made it', () => {
  const cut = withoutPlaces(
    'data:\n  source: /home/me/shelf/books  # [book]\n  val_source: "/home/me/held out.txt"\n  other: "C:\\\\Users\\\\me\\\\books"\noutput_dir: outputs  # default\ninit_from: "./earlier"\n',
  );
  expect(cut).toContain('source: books  # [book]');
  expect(cut).not.toMatch(/home|Users/);
  expect(cut).toContain('output_dir: outputs  # default\ninit_from: "./earlier"\n');
});
