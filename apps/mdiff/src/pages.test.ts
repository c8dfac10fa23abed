// The commands on the pages of this repository, held against the commands that there are: names, options, values, arguments, keys.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommandLine } from '@mdiff/cli';
import { leafKeys, loadProject, presetSummaries, ProjectConfig } from '@mdiff/config';
import { blocksOf, filesOf } from '@mdiff/testing';
import { describe, expect, it } from 'vitest';
import { apps } from './lazy.js';
import { wholeProgram } from './program.js';
import { commandsOf } from './shell.test.util.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
// An entry of the log keeps the commands of its day. Two pages are written by commands: one of wrong inputs, and a card, by the export of its run.
const written = ['docs/wrong-input.md', 'packages/base-en/README.md'];
const pages = filesOf(root).filter((file) => file.endsWith('.md') && !file.startsWith('docs/log/') && !written.includes(file));
const quiet = { out: () => {}, err: () => {}, cwd: root, env: {} };
const tree = await wholeProgram(quiet);

/** The command that the first words name, and the words behind them. @throws Error if there is none */
function find(words: readonly string[], command: CommandLine = tree): { command: CommandLine; rest: string[] } {
  const [name, ...rest] = words;
  if (command.commands.length === 0 || name === undefined || name.startsWith('-')) return { command, rest: [...words] };
  const inner = (command.commands as CommandLine[]).find((one) => one.name() === name);
  if (!inner) throw new Error(`there is no command "${[command.name(), name].join(' ')}"`);
  return find(rest, inner);
}

/** Checks a command line of mdiff without running it. @throws Error that says what is wrong */
function checkMdiff(words: readonly string[]): void {
  if (words.length === 0 || ['--version', '--help', 'version', '$@'].includes(words[0]!)) return;
  if (words[0] === 'help') return void find(words.slice(1));
  const { command, rest } = find(words);
  if (rest.includes('--help')) return;
  const { operands, unknown } = command.parseOptions(rest);
  if (unknown.length > 0) throw new Error(`unknown option ${unknown.join(' ')}`);
  const takes = command.registeredArguments;
  const least = takes.filter(({ required }) => required).length;
  const most = takes.some(({ variadic }) => variadic) ? Infinity : takes.length;
  // A model folder may be given as --model.
  const given = operands.length + (command.opts()['model'] === undefined ? 0 : 1);
  if (given < least || operands.length > most) throw new Error(`takes ${least} to ${most} arguments, the page gives ${operands.length}`);
  const { preset, set } = command.opts() as { preset?: string; set?: string[] };
  if (preset !== undefined || set !== undefined) loadProject({ ...(preset !== undefined && { preset }), set: set ?? [], cwd: '/nowhere' });
}

const exists = (path: string): void => {
  if (!existsSync(join(root, path))) throw new Error(`there is no ${path}`);
};

function checkBench([name, ...rest]: readonly string[]): void {
  if (name === undefined || /^<.*>$/.test(name)) return;
  exists(`bench/${name}/main.mjs`);
  const table = read(`bench/${name}/main.mjs`);
  for (const option of rest.filter((word) => word.startsWith('--') && word !== '--help'))
    if (!new RegExp(`['\\s]${option.slice(2)}'?: \\{`).test(table)) throw new Error(`bench ${name} has no option ${option}`);
}

function checkNpm([verb, ...rest]: readonly string[]): void {
  if (['install', 'ci', 'pack', 'init'].includes(verb!)) return;
  const name = verb === 'run' ? rest[0]! : verb!;
  if (scripts[name] === undefined) throw new Error(`package.json has no script "${name}"`);
  if (name === 'bench') checkBench(rest.slice(2));
}

function checkNpx([name, ...rest]: readonly string[]): void {
  if (name === 'mdiff') return checkMdiff(rest);
  if (name === 'vitest') {
    for (const word of rest.filter((one) => /^(packages|apps)\//.test(one))) exists(word);
    const project = rest[rest.indexOf('--project') + 1]!;
    if (rest.includes('--project') && ![`packages/${project}`, `apps/${project}`, project].some((path) => existsSync(join(root, path))))
      throw new Error(`there is no project ${project}`);
  } else if (name === 'nx' && rest[0] === 'release') {
    // nx's own command; nx.json has what it does.
    if (!('release' in JSON.parse(read('nx.json')))) throw new Error('nx.json has no release');
  } else if (name === 'nx') {
    const [project, target] = rest[1]!.split(':') as [string, string];
    const folder = [`apps/${project}`, `packages/${project}`].find((path) => existsSync(join(root, path)))!;
    const { nx } = JSON.parse(read(`${folder}/package.json`)) as { nx: { targets: object } };
    if (!(target in nx.targets)) throw new Error(`${folder} has no target ${target}`);
    checkMdiff([target, ...rest.slice(2)]);
  } else if (name === 'eslint') exists(rest[0]!);
  // A guide's own project is built by Vite.
  else if (name !== 'tsc' && name !== 'vite') throw new Error(`npx ${name} is not known to this test`);
}

/** What the first word of a command may be. Commands of the system have no check. */
const known: Readonly<Record<string, (words: readonly string[]) => void>> = {
  npx: checkNpx,
  mdiff: checkMdiff,
  npm: checkNpm,
  node: (words) => exists(words.find((word) => /\.(ts|mjs)$/.test(word))!),
  curl: (words) => {
    const body = words[words.findIndex((word) => word === '-d') + 1];
    if (words.includes('-d')) JSON.parse(body!);
  },
  ...Object.fromEntries(
    ['haproxy', 'kubectl'].map((name) => [name, (words: readonly string[]) => exists(words[words.indexOf('-f') + 1]!)]),
  ),
  ...Object.fromEntries(
    ['cd', 'mkdir', 'cat', 'source', 'docker', 'openssl', 'head', 'export', 'git', 'mpirun'].map((name) => [name, () => {}]),
  ),
};

/** @throws Error that says what is wrong */
function check(words: readonly string[]): void {
  const from = words.findIndex((word) => !/^[A-Z_][A-Z0-9_]*=/.test(word)); // variables of the environment
  if (from < 0) return;
  const [name, ...rest] = words.slice(from) as [string, ...string[]];
  if (/^\w+\(\)$/.test(name)) return; // the head of a function
  if (name.includes('/')) return exists(name);
  if (!known[name]) throw new Error(`the command ${name} is not known to this test`);
  known[name](rest);
}

const faultOf = (words: readonly string[]): string | undefined => {
  try {
    check(words);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

it('no help shows a default as JSON', () => {
  const all = (command: CommandLine): CommandLine[] => [command, ...(command.commands as CommandLine[]).flatMap(all)];
  const helps = all(tree).map((command) => command.helpInformation());
  expect(helps.length).toBeGreaterThan(30);
  expect(helps.flatMap((help) => help.match(/default:\s+[[{].*/g) ?? [])).toEqual([]);
});

describe('the commands of code blocks', () => {
  const blocks = pages.flatMap((page) => blocksOf(read(page)).map((block) => ({ page, ...block })));

  it('are marked as such: every block names its language', () => {
    const languages = new Set(['sh', 'ts', 'js', 'tsx', 'html', 'yaml', 'json', 'text', 'python']);
    expect(blocks.filter(({ language }) => !languages.has(language)).map(({ page, line }) => `${page}:${line}`)).toEqual([]);
    expect(blocks.filter(({ language, code }) => language === 'text' && /^\s*(\$ |npx |npm |mdiff [a-z])/m.test(code))).toEqual([]);
  });

  it('of YAML are valid configurations, except those that the specification shows as bad', () => {
    const files = blocks.filter(({ language, page }) => language === 'yaml' && page !== 'docs/configuration-specification.md');
    expect(files.length).toBeGreaterThan(0);
    for (const { code, page, line } of files) expect(() => ProjectConfig.parse(code), `${page}:${line}`).not.toThrow();
  });

  it('are commands that there are', () => {
    const shell = blocks.filter(({ language }) => language === 'sh');
    const faults = shell.flatMap(({ page, line, code }) =>
      commandsOf(code).flatMap((words) => {
        const fault = faultOf(words);
        return fault === undefined ? [] : [`${page}:${line}: ${words.join(' ')}: ${fault}`];
      }),
    );
    expect(shell.length).toBeGreaterThan(9);
    expect(faults).toEqual([]);
  });
});

it('the README of mdiff lists every command of both apps', () => {
  const rows = read('apps/mdiff/README.md').match(/^\| `@mdiff\/.*$/gm)!;
  expect(rows).toHaveLength(apps.length);
  for (const [i, app] of [...apps].sort((a, b) => a.package.localeCompare(b.package)).entries())
    expect([...rows[i]!.split('|')[2]!.matchAll(/`(.*?)`/g)].map(([, name]) => name).sort()).toEqual(Object.keys(app.commands).sort());
});

describe('the commands within a sentence', () => {
  // `mdiff serve`, `npx mdiff train [book.txt] [--preset p]`, `mdiff engine list`, but no name of a folder or package.
  const spans = pages.flatMap((page) =>
    [
      ...read(page)
        .replace(/^( *)```.*?^\1```/gms, '')
        .matchAll(/`((?:npx )?mdiff (?=[a-z<])[^`]+|npm run [^`]+)`/g),
    ].map(([, text]) => ({ page, text: text! })),
  );

  it('name commands and options that there are', () => {
    const faults = spans.flatMap(({ page, text }) => {
      try {
        if (text.startsWith('npm '))
          checkNpm(
            text
              .replace(/[[\]"…]/g, ' ')
              .split(' ')
              .filter(Boolean)
              .slice(1),
          );
        else checkSpan(text);
        return [];
      } catch (error) {
        return [`${page}: ${text}: ${(error as Error).message}`];
      }
    });
    expect(spans.length).toBeGreaterThan(30);
    expect(faults).toEqual([]);
  });

  /** A sentence leaves out values and arguments, so names alone are checked: of the command and of each option. */
  function checkSpan(text: string): void {
    const words = text
      .replace(/^(npx )?mdiff /, '')
      .split(/[\s[\]|]+/)
      .filter(Boolean);
    const path = words.slice(0, words.findIndex((word) => !/^[a-z-]+$/.test(word)) >>> 0);
    if (['help', 'version'].includes(path[0]!) || path.length === 0) return;
    const { command } = find(path.filter((word) => !word.startsWith('-')));
    const options = new Set(['--help', '--version', ...command.options.flatMap(({ long, short }) => [long, short])]);
    for (const option of words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split('=')[0]!))
      if (!options.has(option)) throw new Error(`no option ${option}`);
    if (/--set [\w.]+=/.test(text))
      for (const [, key] of text.matchAll(/--set ([\w.]+)=/g))
        if (!leafKeys().includes(key!) && key !== 'key') throw new Error(`no key ${key}`);
    const preset = /--preset ([\w/]{2,})/.exec(text)?.[1];
    if (preset !== undefined && !presetSummaries().some(({ name }) => name === preset)) throw new Error(`no preset ${preset}`);
  }
});
