import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ConfigError, ProjectConfig } from '../index.js';

const fixtures = fileURLToPath(new URL('../../fixtures/', import.meta.url));

// Each bad file ends in comments that are the exact expected lines.
describe.each(readdirSync(fixtures).filter((name) => name.startsWith('bad')))('%s', (name) => {
  const text = readFileSync(fixtures + name, 'utf8');
  const expected = text
    .split('\n')
    .filter((line) => line.startsWith(`# ${name}:`))
    .map((line) => line.slice(2));

  it('gives exactly the expected lines', () => {
    expect(expected.length).toBeGreaterThan(0);
    let error: unknown;
    try {
      ProjectConfig.fromYaml(name, { cwd: fixtures, env: {} });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message.split('\n')).toEqual(expected);
    expect((error as ConfigError).exitCode).toBe(2);
  });
});
