import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { exitCodeOf, Interrupted, reportFailure, UsageError } from './failure.js';
import { addConfigFlags, integer, layersOf, number, port, type ConfigFlags } from './flags.js';
import { table } from './table.js';

async function parse(...args: string[]): Promise<unknown> {
  const root = new Command('mdiff').exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  addConfigFlags(root.command('do'))
    .option('--count <n>', 'number', integer)
    .option('--port <n>', 'port', port)
    .option('--share <x>', 'share', number)
    .action(() => undefined);
  return root.parseAsync(args, { from: 'user' }).then(
    () => root.commands[0]!.opts(),
    (error: unknown) => error,
  );
}

describe('exit codes', () => {
  it.each([
    [new UsageError('no'), 2, 'no\n'],
    [new UsageError('no', 1), 1, 'no\n'],
    [new UsageError(''), 2, ''],
    [new Interrupted('stopped'), 130, 'stopped\n'],
    [Object.assign(new Error('broken'), { code: 'MDIFF_MODEL' }), 1, 'broken\n'],
    [Object.assign(new Error('config'), { code: 'MDIFF_CONFIG', exitCode: 2 }), 2, 'config\n'],
  ])('%s: %i', (error, code, text) => {
    let out = '';
    expect(reportFailure(error, (line) => (out += line))).toBe(code);
    expect(out).toBe(text);
  });

  it('a fault of mdiff shows its stack and counts 1', () => {
    let out = '';
    expect(reportFailure(new TypeError('x is not a function'), (line) => (out += line))).toBe(1);
    expect(out).toMatch(/^TypeError: x is not a function\n +at /);
  });

  it("Commander's errors count 2, its help 0, and are printed by Commander", async () => {
    for (const args of [['do', '--nope'], ['nothing'], ['do', '--count', 'x'], ['do', '--port', '65536'], ['do', '--share', '']])
      expect(exitCodeOf(await parse(...args)), args.join(' ')).toBe(2);
    expect(exitCodeOf(await parse('do', '--help'))).toBe(0);
    let out = '';
    reportFailure(await parse('do', '--nope'), (line) => (out += line));
    expect(out).toBe('');
  });
});

it('flags collect --set, and name the layers', async () => {
  const flags = (await parse('do', '-s', 'a=1', '--set', 'b=2', '-p', 'nano', '--count', '3', '--share', '0.5')) as ConfigFlags;
  expect(flags).toEqual({ set: ['a=1', 'b=2'], preset: 'nano', count: 3, share: 0.5 });
  expect(layersOf(flags)).toEqual({ preset: 'nano', set: ['a=1', 'b=2'], env: process.env, cwd: process.cwd() });
});

it('a table aligns its columns and ends no line in spaces', () => {
  expect(
    table([
      ['engine', 'device', ''],
      ['tfjs', 'cpu', 'installed'],
    ]),
  ).toBe('engine  device\ntfjs    cpu     installed\n');
  expect(table([])).toBe('');
});
