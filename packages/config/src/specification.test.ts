import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { pending, referencePage } from './index.js';

const page = readFileSync(new URL('../../../docs/configuration-specification.md', import.meta.url), 'utf8');
const section = (number: number): string => page.split(/^## /m).find((part) => part.startsWith(`${number}. `))!;

/** `key = default` of every table row whose first cell is a key, with numbers in one notation. */
function defaults(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .filter(([empty, key, , value]) => empty === '' && /^`\w+`( \+)?$/.test(key ?? '') && value !== undefined)
    .map(([, key, , value]) => [key!.replace(/[` +]/g, ''), value!.replaceAll('`', '').replace(/ \(.*/, '')] as const)
    .map(([key, value]) => `${key} = ${value === '' || Number.isNaN(Number(value)) ? value : Number(value)}`);
}

it('the specification has every key of the schema, in its order, with its default', () => {
  const stage = /^(name|epochs|masking_rate_range|data_selection|format_type) = /;
  const keys = (text: string) => defaults(text).filter((line) => !stage.test(line) && !line.startsWith('readability_metrics'));
  expect(keys(section(1)).length).toBeGreaterThan(90);
  // Aliases of other keys are the last table of section 1, and no part of the comparison.
  expect(keys(section(1).split('### 1.9')[0]!)).toEqual(keys(referencePage()));
});

it('the specification says which keys have no effect yet', () => {
  const planned = page.split(/^## /m).find((part) => part.startsWith('Amendments'))!;
  for (const { key } of pending) expect(planned).toContain(`\`${key}\``);
});

it('the examples of the specification are the fixtures', () => {
  const fixtures = new URL('../fixtures/', import.meta.url);
  const blocks = [...section(7).matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => text!);
  const files = readdirSync(fixtures).filter((name) => /^(bad\d|minimal)\.yaml$/.test(name));
  expect(files).toHaveLength(6);
  for (const name of files) expect(blocks, name).toContain(readFileSync(new URL(name, fixtures), 'utf8'));
});
