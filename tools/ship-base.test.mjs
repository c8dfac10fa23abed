import { expect, test } from 'vitest';
import { curveOf, publishedCard, withoutPlaces } from './ship-base.mjs';

test('a published configuration names no place of the machine that made it', () => {
  const cut = withoutPlaces(
    'data:\n  source: /home/me/shelf/books  # [book]\n  val_source: "/home/me/held out.txt"\n  other: "C:\\\\Users\\\\me\\\\books"\noutput_dir: outputs  # default\ninit_from: "./earlier"\n',
  );
  expect(cut).toContain('source: books  # [book]');
  expect(cut).not.toMatch(/home|Users/);
  expect(cut).toContain('output_dir: outputs  # default\ninit_from: "./earlier"\n');
});

const lines = Array.from({ length: 40 }, (_, i) => ({
  step: 500 * (i + 1),
  lr: 0.0015 / (i + 1),
  ...(i % 2 === 1 && { nelbo: 5, nelbo_se: 0.1, bits_per_byte: 1.6 - i / 100, causal_bits_per_byte: 1.5 - i / 100 }),
}));

test('the curve on the card has at most fourteen rows, and the last figure', () => {
  const rows = curveOf(lines)
    .split('\n')
    .filter((line) => /^\| [\d,]+ /.test(line));
  expect(rows).toHaveLength(10);
  expect(rows.at(-1)).toBe('| 20,000 | 0.000038 | 1.210 ± 0.024 | 1.110 |');
});

test('a published card names its licence and the page about its texts', () => {
  const card = publishedCard('---\nlibrary_name: mdiff\n---\n\n# base-en\n\n## Use\n\nrun it\n', lines);
  expect(card).toMatch(/^---\nlibrary_name: mdiff\nlicense: apache-2.0\nlanguage: en\n---\n/);
  expect(card).toContain('(DATA.md)\n\n## Curve\n');
  expect(card).toContain('|\n\n## Use\n\nrun it\n');
});
