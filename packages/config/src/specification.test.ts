import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { referencePage } from './index.js';

const page = readFileSync(new URL('../../../docs/configuration-specification.md', import.meta.url), 'utf8');
const section = (number: number): string => page.split(/^## /m).find((part) => part.startsWith(`${number}. `))!;

/** `key: type = default` of every table row whose first cell is a key, in one notation. */
function rows(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .filter(([empty, key, , value]) => empty === '' && /^`\w+`( \+)?$/.test(key ?? '') && value !== undefined)
    .map(([, key, type, value]) => ({
      key: key!.replace(/[` +]/g, ''),
      type: type!,
      value: value!.replaceAll('`', '').replace(/ \(.*/, ''),
    }))
    .filter(({ key }) => !['name', 'epochs', 'masking_rate_range', 'data_selection', 'format_type'].includes(key))
    .map(
      ({ key, type, value }) =>
        `${key}: ${prose.has(key) ? '' : range(type)} = ${prose.has(key) || value === '' || Number.isNaN(Number(value)) ? value : Number(value)}`,
    );
}

// The specification describes these in words where the reference has a type, or "all three" where it lists the default.
const prose = new Set(['source', 'embedding_model', 'readability_metrics']);
const range = (type: string): string =>
  type.replace(' and <= ', ', ≤ ').replace(' and < ', ', < ').replace(' + ', ' ').replace(/ \+$/, '').replace('10⁹', '1000000000');

it('the specification has every key of the schema, in its order, with its range and default', () => {
  const keys = (text: string) => rows(text).map((row) => row.replace(/^(readability_metrics): .*/, '$1'));
  expect(keys(section(1)).length).toBeGreaterThan(90);
  // Section 1.9 repeats the aliases.
  expect(keys(section(1).split('### 1.9')[0]!)).toEqual(keys(referencePage()));
});

it('the examples of the specification are the fixtures', () => {
  const fixtures = new URL('../fixtures/', import.meta.url);
  const blocks = [...section(7).matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => text!);
  const files = readdirSync(fixtures).filter((name) => /^(bad\d|minimal)\.yaml$/.test(name));
  expect(files).toHaveLength(6);
  for (const name of files) expect(blocks, name).toContain(readFileSync(new URL(name, fixtures), 'utf8'));
});
