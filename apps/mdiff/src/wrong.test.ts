// Every command with every wrong input: one clear line, the right exit code, no stack. docs/wrong-input.md is the table of what each answers.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommandLine } from '@mdiff/cli';
import type { Option } from 'commander';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { run, wholeProgram } from './program.js';

const model = fileURLToPath(new URL('../../../packages/generate/fixtures/shifted', import.meta.url));
const place = mkdtempSync(join(tmpdir(), 'mdiff-wrong-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(place, name), content);
  return join(place, name);
};
const missing = join(place, 'missing');
const folder = join(place, 'folder');
mkdirSync(folder);
const empty = file('empty.txt', '');
const book = file('book.txt', 'The whale saw the ship. The ship saw the whale.\n');
const binary = file(
  'binary.bin',
  Uint8Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256),
);
const yaml = file('my.yaml', 'extends: quickstart\n');
const inFile = join(book, 'out.html');
const run0 = ['--set', `output_dir=${join(place, 'outputs')}`, '--set', `cache_dir=${join(place, 'cache')}`];

const sources = (more: readonly string[] = []): string[][] => [missing, folder, empty, binary].map((source) => [source, ...run0, ...more]);
const models = (...more: string[]): string[][] => [missing, folder, empty, binary].map((source) => [source, ...more]);

/** By command: arguments that are wrong for it alone. The test fails for a command that has no entry. */
const rows: Readonly<Record<string, readonly string[][]>> = {
  'config init': [[join(missing, 'a.yaml')], [book], [folder]],
  'config validate': [[missing], [folder], [binary], [book, '-c', empty]],
  'config print': [[missing], [folder], [binary], [book, '-c', empty]],
  'config diff': [
    [missing, 'quickstart'],
    ['quickstart', folder],
    ['quickstart', binary],
    ['quikstart', 'book'],
  ],
  'config presets': [],
  'config explain': [['sede']],
  'config schema': [['sede']],
  'config docs': [
    ['--write', join(missing, 'a.md')],
    ['--write', folder],
    ['--check', missing],
  ],
  'config migrate': [[missing], [folder], [binary]],
  train: [
    ...sources(),
    [book, ...run0, '--set', 'data.source=other.txt'],
    [book, '--set', `output_dir=${book}`],
    [book, '--resume', ...run0],
    [yaml],
  ],
  pretrain: [...sources(), [yaml], [book, yaml]],
  tune: [
    ...sources(['--steps', '9', '--search', 'training.learning_rate=log:1e-4..1e-3']),
    [book, ...run0, '--steps', '9'],
    [book, ...run0],
    ...[
      'training.learning_rate=log:0..1',
      'training.learning_rate=log:1..x',
      'training.learning_rate=log:1e-3..1e-4',
      'training.learning_rate=linear:0.1..2',
      'training.learning_rate',
      'training.learning_rate=exp:1..2',
      'training.scheduler=cosine,sine',
      'training.lerning_rate=log:1e-4..1e-3',
      'training.val_split=linear:0.1..0.2',
    ].map((range) => [book, ...run0, '--steps', '9', '--search', range]),
    [book, ...run0, '--steps', '3', '--rounds', '9', '--set', 'curriculum.stages=[]', '--search', 'training.learning_rate=log:1e-4..1e-3'],
  ],
  compare: [
    ...sources(['--steps', '9', '--arms', 'single']),
    [book, ...run0],
    [book, ...run0, '--steps', '9', '--arms', 'singel'],
    [book, ...run0, '--steps', '2', '--arms', 'full'],
  ],
  export: [[missing], [folder], [empty]],
  'runs list': [],
  'runs show': [[missing], [folder]],
  'runs diff': [[missing, folder]],
  'runs clean': [[missing], [folder]],
  watch: [[missing], [folder]],
  'data inspect': [...sources(), [book, '--set', 'data.source=other.txt'], [yaml]],
  'data report': [...sources(), [book, ...run0, '--out', inFile], [yaml]],
  'embeddings fetch': [
    ['--from', missing, ...run0],
    ['--from', folder, ...run0],
    ['--from', binary, ...run0],
  ],
  'engine list': [],
  'engine install': [['onnxruntime'], ['nope']],
  'engine doctor': [],
  generate: [
    ...models(),
    [model, '-n', '0'],
    [model, '--sampler', 'margins'],
    [model, '--precision', 'int8'],
    [model, '--precision', 'int8', '--sampler', 'causal'],
    [model, '--temperature', 'Infinity'],
    [model, '--temperature', '-1'],
    [model, '--set', 'generation.top_p=0'],
    [model, '--max-length=-3'],
    [model, '--prompt', Array(32).fill('a').join(' ')],
    [model, '--model', 'other'],
    [model, '-i', '--prompt', 'x'],
    [model, '--set', 'seed=x'],
    [model, '--word-at', 'sea'],
    [model, '--word-at', '1=sea', '--word-at', '1=the'],
    [model, '--word-at', '40=sea', '--max-tokens', '8'],
    [model, '--allow-word', 'sea', '--forbid-word', 'Sea'],
    [model, '--min-tokens', '9', '--max-tokens', '8'],
    [model, '--words-of', missing],
    [model, '--words-of', book, '--allow-word', 'sea'],
    [model, '--draft', '2'],
    [model, '--draft', '--suffix', '.'],
    [model, '--draft'],
  ],
  infill: [
    ...models('a ___'),
    [model],
    [model, 'no gap'],
    [model, 'a ___{99}'],
    [model, 'a ___', '--gap-tokens', '0'],
    [model, 'a ___', '-n', '0'],
  ],
  rewrite: [
    ...models('a b'),
    [model],
    [model, '...'],
    [model, 'a b', '--share', '2'],
    [model, 'a b', '--word', 'whale'],
    [model, 'a b', '-n', '0'],
  ],
  evaluate: [
    ...models('a text'),
    [],
    [model],
    [model, ' '],
    [model, folder],
    [model, 'missing.txt'],
    [model, empty],
    [model, 'a text', '--masks', '0'],
    [model, 'a text', '--temperatures', '1,x'],
    [model, 'a text', '--book', missing],
    [model, 'a text', '--temperature', '1'],
  ],
  score: [
    ...models('a text'),
    [],
    [model, ' '],
    [model, folder],
    [model, 'missing.txt'],
    [model, empty],
    [model, 'a text', '--masks', '0'],
  ],
  serve: [
    ...models(),
    [model, '--host', '192.0.2.1', '--port', '0', '--insecure'],
    [model, '--host', '0.0.0.0'],
    [model, '--host', ''],
    [model, '--token', 'a b'],
    [model, '--log', 'all'],
    [model, model],
    [model, '--waiting', '-1'],
  ],
  'export-site': [...models(join(place, 'site')), [model], [model, book], [model, place], [model, join(book, 'site')]],
  'models list': [],
  'models show': [[missing], [folder], [empty]],
  complete: [['tcsh']],
};

/** Wrong inputs that every command shares, by what it takes. */
function shared(command: CommandLine): string[][] {
  const { registeredArguments: takes, options } = command;
  const needs = takes.filter((argument) => argument.required).map(() => 'x');
  const variadic = takes.some((argument) => argument.variadic);
  const long = (option: Option): string => option.long ?? option.short!;
  return [
    ['--unknown-option'],
    ...(needs.length > 0 ? [[]] : []),
    ...(variadic ? [] : [[...takes.map(() => 'x'), 'one-too-many']]),
    ...options.filter((option) => option.required).map((option) => [...needs, long(option)]),
    ...options.filter((option) => option.parseArg !== undefined && long(option) !== '--set').map((option) => [...needs, long(option), 'x']),
    ...options.flatMap((option) => {
      if (long(option) === '--config') return [missing, folder, binary].map((value) => [...needs, '--config', value]);
      if (long(option) === '--preset') return [[...needs, '--preset', 'quikstart']];
      if (long(option) !== '--set') return [];
      const first = takes.some((argument) => argument.name() === 'folder') ? [model, 'a ___'].slice(0, takes.length) : needs;
      return ['sede=1', 'seed', 'seed=x'].map((value) => [...first, '--set', value]);
    }),
  ];
}

const leaves = (command: CommandLine, path: string[] = []): [string, CommandLine][] =>
  command.commands.length === 0
    ? [[path.join(' '), command]]
    : (command.commands as CommandLine[]).flatMap((inner) => leaves(inner, [...path, inner.name()]));

async function answer(words: readonly string[]): Promise<{ code: number; err: string; out: string }> {
  let [out, err] = ['', ''];
  const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), cwd: place, env: {} };
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((out += String(text))));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean((err += String(text))));
  process.exitCode = undefined;
  try {
    const code = await run(words, io);
    return { code: code ?? Number(process.exitCode ?? 0), err, out };
  } finally {
    vi.restoreAllMocks();
    process.exitCode = undefined;
  }
}

// A run of the checkout, such as that of `npm start`, is none of this table's.
const home = process.cwd();
beforeAll(() => process.chdir(place));
afterAll(() => process.chdir(home));

const places: readonly [string, string][] = [
  [inFile, 'book.txt/out.html'],
  [model, 'MODEL'],
  [`${place}/`, ''],
  [place, '.'],
];
const short = (text: string): string => places.reduce((shown, [path, name]) => shown.replaceAll(path, name), text);

const tree = leaves(await wholeProgram());
const page: string[] = [];

it('has rows for every command', () => {
  expect(tree.map(([name]) => name).sort()).toEqual(Object.keys(rows).sort());
});

it.each(tree)('mdiff %s', { timeout: 300_000 }, async (name, command) => {
  const faults: string[] = [];
  for (const words of [...shared(command), ...(rows[name] ?? [])]) {
    const { code, err, out } = await answer([...name.split(' '), ...words]);
    const shown = short(words.filter((word, i) => !run0.includes(word) || (word === '--set' && !run0.includes(words[i + 1]!))).join(' '));
    // A command may say what it begins before it fails.
    const lines = err
      .trimEnd()
      .split('\n')
      .filter((text) => !/^(building |reading: |training: |tokenizing|scoring|cutting| {2}(\d|\w+ \d+%$))/.test(text));
    const line = short(lines.at(-1)!);
    if (![1, 2].includes(code) || lines.length !== 1 || lines[0] === '' || /^\s+at |Error:/m.test(err))
      faults.push(`mdiff ${name} ${shown}: code ${code}, out ${out.slice(0, 80)}, err ${err.slice(0, 600)}`);
    page.push(`| \`mdiff ${name}${shown && ` ${shown}`}\` | ${code} | ${line.replaceAll('|', '\\|').replaceAll('<', '\\<')} |`);
  }
  expect(faults.join('\n')).toBe('');
});

it('docs/wrong-input.md is the table', async () => {
  const head = [
    '# Wrong input',
    '',
    'What each command answers to a mistake, and its exit code. A test (`apps/mdiff/src/wrong.test.ts`) runs every row and writes this page: `npx vitest run --project mdiff wrong -u`.',
    '`MODEL` is a model folder; `missing` is nothing, `folder` an empty folder, `empty.txt` an empty file, `binary.bin` no text.',
    '',
    '| command | exit code | message |',
    '|---|---|---|',
  ];
  await expect(`${[...head, ...page].join('\n')}\n`).toMatchFileSnapshot('../../../docs/wrong-input.md');
});
