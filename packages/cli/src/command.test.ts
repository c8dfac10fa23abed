import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CommandLine } from './command.js';

const home = (name: string): string => join(homedir(), name);

/** The arguments and options that an action gets. */
async function given(declare: (command: CommandLine) => void, ...words: string[]): Promise<unknown[]> {
  let got: unknown[] = [];
  const root = new CommandLine('mdiff').exitOverride();
  const command = root.command('do') as CommandLine;
  declare(command);
  command.action((...all: unknown[]) => {
    got = all.slice(0, -1);
  });
  await root.parseAsync(['do', ...words], { from: 'user' });
  return got;
}

it.each(['book', 'file', 'folder', 'run', 'a'])('the argument <%s> expands ~/', async (name) => {
  expect(await given((command) => command.argument(`[${name}]`), '~/a b.txt')).toEqual([home('a b.txt'), {}]);
  expect(await given((command) => command.argument(`[${name}]`))).toEqual([undefined, {}]);
});

it('each of several texts', async () => {
  expect(await given((command) => command.argument('<texts...>'), '~/a', 'b')).toEqual([[home('a'), 'b'], {}]);
});

it.each(['file', 'folder'])('an option with a <%s>, whose shell leaves --out=~/x', async (name) => {
  const declare = (command: CommandLine): unknown => command.option(`-o, --out <${name}>`, '', 'x').argument('[file]');
  expect(await given(declare, '--out=~/y')).toEqual([undefined, { out: home('y') }]);
  expect(await given(declare, '-o', '~/y', 'z')).toEqual(['z', { out: home('y') }]);
  expect(await given(declare)).toEqual([undefined, { out: 'x' }]);
});

it('what is no path stays as it is', async () => {
  const declare = (command: CommandLine): unknown =>
    command.option('-p, --prompt <text>').option('-s, --set <key=value>').option('--json').argument('[text]');
  const words = ['~/ ___', '--prompt=~/', '--set', 'data.source=~/x', '--json'];
  expect(await given(declare, ...words)).toEqual(['~/ ___', { prompt: '~/', set: 'data.source=~/x', json: true }]);
});
