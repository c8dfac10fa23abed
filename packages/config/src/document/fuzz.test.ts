import { readdirSync, readFileSync } from 'node:fs';
import { cpuUsage, env } from 'node:process';
import { expect, it } from 'vitest';
import { ConfigError, leafKeys, ProjectConfig } from '../index.js';
import { random } from './random.test.util.js';

// 2,000 documents in the suite; MDIFF_FUZZ=100000 for the full run (`npm run bench -- config --fuzz 100000` does it).
const runs = Number(env.MDIFF_FUZZ ?? 2000);

const fixtures = new URL('../../fixtures/', import.meta.url);
const seeds = [
  ...readdirSync(fixtures).map((name) => readFileSync(new URL(name, fixtures), 'utf8')),
  ProjectConfig.preset('quickstart').toYaml(),
  ProjectConfig.preset('default').toYaml(),
  'a: &a [1]\nb: [*a, *a]\n"c": {d: "${env:X:-1}", ? e : f}\n--- # x\n%YAML 1.2\n',
];
const pieces = [
  '[',
  ']',
  '{',
  '}',
  ':',
  ': ',
  '- ',
  ',',
  '\n',
  '\n  ',
  '\t',
  '"',
  "'",
  '#',
  '&a ',
  '*a',
  '!!str ',
  '!x ',
  '<<: *a',
  '|\n',
  '>-\n',
  '? ',
  '---\n',
  '...\n',
  '%YAML 1.1\n',
  '~',
  'null',
  'true',
  'yes',
  '.nan',
  '.inf',
  '-1',
  '0',
  '1e400',
  '1e-400',
  '0x1f',
  '012',
  '12.0',
  '9'.repeat(400),
  '__proto__',
  'constructor',
  'prototype',
  '${env:A}',
  '${env:A:-3}',
  '$${',
  '\0',
  '\u2028',
  '\uFEFF',
  '\ud800',
  '😀',
  'x'.repeat(2000),
  '['.repeat(100),
  '- '.repeat(100),
  'extends: quickstart\n',
  'extends: ./x.yaml\n',
  'extends: [nano, cpu_quick]\n',
];

function mutate(pick: (n: number) => number): string {
  const keys = leafKeys();
  let text = seeds[pick(seeds.length)]!;
  for (let i = pick(6); i >= 0; i -= 1) {
    const at = pick(text.length + 1);
    const end = at + pick(30);
    const lines = text.split('\n');
    switch (pick(8)) {
      case 0:
        text = text.slice(0, at) + pieces[pick(pieces.length)] + text.slice(at);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(end);
        break;
      case 2:
        text = text.slice(0, at) + String.fromCharCode(pick(0x500)) + text.slice(at + 1);
        break;
      case 3:
        lines.splice(pick(lines.length), pick(4));
        text = lines.join('\n');
        break;
      case 4:
        lines.splice(pick(lines.length), 0, lines[pick(lines.length)]!);
        text = lines.join('\n');
        break;
      case 5:
        lines[pick(lines.length)] = `${keys[pick(keys.length)]!.split('.').at(-1)}: ${pieces[pick(pieces.length)]}`;
        text = lines.join('\n');
        break;
      case 6:
        text = text.replace(/: [^\n,}]+/g, (whole) => (pick(12) === 0 ? `: ${pieces[pick(pieces.length)]}` : whole));
        break;
      default:
        text += seeds[pick(seeds.length)]!.slice(0, pick(200));
    }
  }
  return text;
}

/** CPU time in ms: the clock would count whatever else the machine does. */
function cost(text: string): number {
  const before = cpuUsage();
  try {
    ProjectConfig.parse(text, { env: { X: '1' } });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
  const used = cpuUsage(before);
  return (used.user + used.system) / 1000;
}

it(
  `${runs} mutated documents: a configuration or a ConfigError, within 100 ms`,
  () => {
    const pick = random(20240607);
    let valid = 0;
    let slowest = 0;
    for (let i = 0; i < 30; i += 1) cost(seeds[i % seeds.length]!); // compiled code, not the first calls, is what is measured
    for (let i = 0; i < runs; i += 1) {
      const text = mutate(pick);
      let ms: number;
      try {
        // A garbage collection may fall into any one call, so a slow document is asked again.
        ms = cost(text);
        for (let again = 0; again < 3 && ms > 100; again += 1) ms = Math.min(ms, cost(text));
      } catch (error) {
        throw new Error(`document ${i}: ${JSON.stringify(text)}`, { cause: error });
      }
      if (ms > slowest) slowest = ms;
      if (ms > 100) throw new Error(`document ${i} took ${ms} ms: ${JSON.stringify(text)}`);
      if (i % 7 > 0) continue;
      try {
        const config = ProjectConfig.parse(text, { env: { X: '1' } });
        valid += 1;
        expect(ProjectConfig.parse(config.toYaml(), { env: { X: '1' } })).toEqual(config);
        expect(ProjectConfig.parse(config.with({ seed: 5, generation: { stop: ['x'] } }).toYaml(), { env: { X: '1' } }).seed).toBe(5);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
      }
    }
    // Mutations that break everything would test nothing but the parser.
    expect(valid).toBeGreaterThan(runs / 7 / 50);
    expect(slowest).toBeGreaterThan(0);
  },
  Math.max(60_000, runs * 20),
);
