import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jsonSchema, ProjectConfig, referencePage } from '@mdiff/config';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { apps, forward, writeSample } from './lazy.js';
import { plainWords, program, run } from './program.js';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'mdiff-cli-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

async function mdiff(...argv: string[]): Promise<{ out: string; err: string; code: number | undefined }> {
  let [out, err] = ['', ''];
  const code = await run(argv, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    cwd,
    env: {},
  });
  return { out, err, code };
}
const put = (name: string, text: string): void => writeFileSync(join(cwd, name), text);
const get = (name: string): string => readFileSync(join(cwd, name), 'utf8');

describe('mdiff config', () => {
  it('init writes a file that loads without a warning, and its schema', async () => {
    expect(await mdiff('config', 'init')).toEqual({ out: 'wrote mdiff.yaml and mdiff.schema.json; next: mdiff train\n', err: '', code: 0 });
    // The first line is for editors with the YAML language server, the second for those of JetBrains.
    expect(get('mdiff.yaml').split('\n').slice(0, 2)).toEqual([
      '# yaml-language-server: $schema=mdiff.schema.json',
      '# $schema: mdiff.schema.json',
    ]);
    expect(JSON.parse(get('mdiff.schema.json'))).toEqual(jsonSchema());
    expect(await mdiff('config', 'validate', '--strict')).toEqual({ out: 'mdiff.yaml: valid\n', err: '', code: 0 });
    // The commented lines must be valid as well.
    put('all.yaml', get('mdiff.yaml').replace(/^# (?=training:|model:|generation:| {2})/gm, ''));
    expect(get('all.yaml')).toMatch(/^training:\n {2}max_minutes: 4/m);
    expect((await mdiff('config', 'validate', 'all.yaml', '--strict')).code).toBe(0);
    const again = await mdiff('config', 'init');
    expect(again).toEqual({ out: '', err: 'mdiff.yaml exists; use --force to replace it\n', code: 2 });
    expect((await mdiff('config', 'init', '--force')).code).toBe(0);
  });

  it('validate prints every error, and exits with 2', async () => {
    put('bad.yaml', 'seed: x\nmodel: {n_head: 3}\n');
    expect(await mdiff('config', 'validate', 'bad.yaml')).toEqual({
      out: '',
      code: 2,
      err: 'bad.yaml:1:7 seed: expected an integer >= 0 and <= 4294967295, got "x"\nbad.yaml:2:9 model.n_head: expected a known key, got "n_head"; did you mean "n_heads"?\n',
    });
    const json = await mdiff('config', 'validate', 'bad.yaml', '--json');
    expect(json.code).toBe(2);
    expect(JSON.parse(json.out)).toMatchObject([
      { code: 'SCHEMA', severity: 'error', where: 'bad.yaml:1:7', line: 1, column: 7, path: 'seed', got: '"x"' },
      { path: 'model.n_head' },
    ]);
  });

  it('validate prints warnings and exits with 0, or 2 with --strict', async () => {
    put('w.yaml', 'extends: quickstart\ngeneration: {gamma: 0.2}\n');
    const line =
      'w.yaml:2:21 generation.gamma: warning: not used while generation.sampler is "first_hitting"; see w.yaml:1:10 generation.sampler\n';
    expect(await mdiff('config', 'validate', '-c', 'w.yaml')).toEqual({ out: 'w.yaml: valid, 1 warning\n', err: line, code: 0 });
    expect(await mdiff('config', 'validate', 'w.yaml', '--strict')).toEqual({ out: '', err: line.replace('warning: ', ''), code: 2 });
  });

  it.each([
    ['no model', '', true],
    ['a batch that needs parts', 'extends: quickstart\ntraining: {batch_size: 4096}\nhardware: {max_vram_gb: 4}\n', false],
    ['too large a model', 'model: {d_model: 4096, n_heads: 32}\ntraining: {use_gradient_checkpointing: false}\n', false],
  ])('validate and train give one memory estimate: %s', async (_name, text, advised) => {
    put('m.yaml', `data: {source: ${JSON.stringify(join(cwd, 'book.txt'))}}\noutput_dir: ${JSON.stringify(join(cwd, 'out'))}\n${text}`);
    put('book.txt', 'A text.\n');
    const [validated, trained] = [await mdiff('config', 'validate', 'm.yaml'), await mdiff('train', '-c', join(cwd, 'm.yaml'))];
    const [, total, usable, advice] = /estimated ([\d.]+) GB exceeds ([\d.]+) GB usable; ([^;]*)/.exec(validated.err)!;
    expect(trained.code).toBe(2);
    expect(trained.err).toContain(`training.batch_size: expected a batch that fits ${usable} GB, got an estimated ${total} GB; ${advice}`);
    expect(trained.err).not.toContain('exceeds');
    for (const { err } of [validated, trained]) expect(err.includes('add the line "extends: quickstart"')).toBe(advised);
    const strict = await mdiff('config', 'validate', 'm.yaml', '--strict');
    expect(strict.code).toBe(2);
    expect(strict.err).toContain(`estimated ${total} GB`);
  });

  it('print resolves, explain names the origin, --set and --preset count', async () => {
    const printed = await mdiff('config', 'print', '--preset', 'nano', '--set', 'seed=9');
    expect(printed.out).toContain('seed: 9  # --set\n');
    expect(ProjectConfig.parse(printed.out).model.d_model).toBe(128);
    const { origins, ...values } = JSON.parse((await mdiff('config', 'print', '--json')).out) as Record<string, unknown>;
    expect(values).toEqual(JSON.parse(JSON.stringify(ProjectConfig.preset('quickstart'))));
    expect(origins).toMatchObject({ seed: 'default', 'model.d_model': 'preset model/micro' });
    expect((await mdiff('config', 'explain', 'seed', '--set', 'seed=9')).out).toBe(
      'seed = 9 (--set); over 42 (default); integer >= 0 and <= 4294967295; every draw (weights, batches, masks, dropout, samples of pairs and corpus, generation)\n',
    );
    expect(await mdiff('config', 'explain', 'sede')).toEqual({
      out: '',
      err: 'sede: expected a known key, got "sede"; did you mean "seed"?\n',
      code: 2,
    });
  });

  it.each([[], ['--json']])('what print writes is no worse than what it read %s', async (...json) => {
    for (const text of [
      'engine: tfjs\n',
      'training: {max_steps: 4}\n',
      'extends: quickstart\ntraining: {scheduler: cosine}\n',
      'extends: quickstart\n',
    ]) {
      put('e.yaml', text);
      put('e.full.yaml', (await mdiff('config', 'print', 'e.yaml', ...json)).out);
      const [before, after] = [await mdiff('config', 'validate', 'e.yaml'), await mdiff('config', 'validate', 'e.full.yaml')];
      expect(after.code, text).toBe(0);
      expect(after.err.split('\n').length, after.err).toBe(before.err.split('\n').length);
      expect((await mdiff('config', 'diff', 'e.yaml', 'e.full.yaml')).out).toBe('');
    }
  });

  it('diff takes files and presets', async () => {
    put('a.yaml', 'extends: quickstart\nseed: 1\ncurriculum: {n_clusters: 3}\n');
    expect((await mdiff('config', 'diff', 'quickstart', 'a.yaml')).out).toBe('seed: 42 -> 1\ncurriculum.n_clusters: 8 -> 3\n');
    expect((await mdiff('config', 'diff', 'quickstart', 'quickstart')).out).toBe('');
    expect(await mdiff('config', 'diff', 'quickstart', 'no.yaml')).toMatchObject({
      code: 2,
      err: 'no.yaml (yaml): expected a readable file, got "no.yaml"\n',
    });
  });

  it('schema prints the whole or one key', async () => {
    expect(JSON.parse((await mdiff('config', 'schema')).out)).toEqual(jsonSchema());
    expect(JSON.parse((await mdiff('config', 'schema', 'model.d_model')).out)).toMatchObject({ type: 'integer' });
    expect(await mdiff('config', 'schema', '__proto__')).toMatchObject({
      code: 2,
      err: '__proto__: no configuration key has this name; "mdiff config docs" lists them\n',
    });
  });

  it('docs prints, writes and checks the reference page', async () => {
    expect((await mdiff('config', 'docs')).out).toBe(referencePage());
    expect((await mdiff('config', 'docs', '--write', 'c.md')).code).toBe(0);
    expect((await mdiff('config', 'docs', '--check', 'c.md')).code).toBe(0);
    put('c.md', 'old');
    expect(await mdiff('config', 'docs', '--check', 'c.md')).toMatchObject({
      code: 1,
      err: 'c.md: the page differs from what mdiff generates; run "mdiff config docs --write c.md"\n',
    });
    expect(await mdiff('config', 'docs', '--write', 'no/such/c.md')).toMatchObject({
      code: 1,
      err: 'cannot write to no/such/c.md: its folder does not exist (ENOENT); make the folder, or choose another file\n',
    });
  });

  it('migrate prints or rewrites', async () => {
    put('old.yaml', 'mixed_precision: false # why\n');
    const shown = await mdiff('config', 'migrate', 'old.yaml');
    expect(shown).toMatchObject({ err: 'old.yaml: mixed_precision -> training.use_mixed_precision\n', code: 0 });
    expect(shown.out).toContain('use_mixed_precision: false # why\n');
    expect(get('old.yaml')).toContain('mixed_precision: false # why');
    expect((await mdiff('config', 'migrate', 'old.yaml', '--write')).code).toBe(0);
    expect(get('old.yaml')).toBe(shown.out);
    expect((await mdiff('config', 'migrate', 'none.yaml')).err).toBe(
      'cannot read none.yaml: there is no such file (ENOENT); give the path of a configuration\n',
    );
  });

  it('a wrong command or option is one line and 2; help is 0', async () => {
    expect((await mdiff('config', 'valid')).code).toBe(2);
    expect((await mdiff('config', 'print', '--nope')).err).toContain("error: unknown option '--nope'");
    expect((await mdiff('--help')).code).toBe(0);
  });
});

describe('help, version and suggestions', () => {
  it('version is --version, help X is X --help', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
    for (const words of [['version'], ['--version'], ['-V']])
      expect(await mdiff(...words)).toEqual({ out: `${version}\n`, err: '', code: 0 });
    expect(await mdiff('help')).toEqual(await mdiff('--help'));
    for (const words of [['config'], ['config', 'explain']]) {
      const help = await mdiff(...words, '--help');
      expect(help.code).toBe(0);
      expect(help.out).toContain(`Usage: mdiff ${words.join(' ')}`);
      expect(await mdiff('help', ...words)).toEqual(help);
    }
    expect(plainWords(['help', 'data', 'inspect'])).toEqual(['data', 'inspect', '--help']);
  });

  it.each([
    [['confg'], "error: unknown command 'confg'; did you mean config?\n"],
    [['tran', '--help'], "error: unknown command 'tran'; did you mean train?\n"],
    [['help', 'nope'], "error: unknown command 'nope'\n"],
    [
      ['config'],
      'error: mdiff config: no command given; its commands are init, validate, print, diff, presets, explain, schema, docs, migrate\n',
    ],
    [['config', 'prin', '--help'], "error: unknown command 'prin'; did you mean print?\n"],
    [['config', 'help', 'prin'], "error: unknown command 'prin'; did you mean print?\n"],
    [['config', 'print', '--preste', 'nano'], "error: unknown option '--preste'; did you mean --preset?\n"],
    [
      ['config', 'print', '-p', 'quikstart'],
      '--preset extends: expected a preset name or a file path, got "quikstart"; did you mean "quickstart"?\n',
    ],
    [['config', 'print', 'a.yaml', '-c', 'b.yaml'], 'two configurations given, "a.yaml" and --config "b.yaml"; leave one out\n'],
    [['config', 'docs', '--write', 'a', '--check', 'b'], "error: option '--write <file>' cannot be used with option '--check <file>'\n"],
  ])('%j is one line and 2', async (words, err) => {
    expect(await mdiff(...words)).toEqual({ out: '', err, code: 2 });
  });

  it('presets, explain, diff and migrate print JSON', async () => {
    const read = async (...words: string[]): Promise<unknown> => JSON.parse((await mdiff(...words, '--json')).out);
    expect(await read('config', 'presets')).toContainEqual({ name: 'nano', sets: 'model', about: '4 layers of width 128' });
    expect((await mdiff('config', 'presets')).out).toMatch(/^preset +sets\n[^]*^nano +model +4 layers of width 128$/m);
    expect(await read('config', 'explain', 'seed', '--set', 'seed=9')).toMatchObject({
      key: 'seed',
      value: 9,
      origin: '--set',
      over: [{ value: 42, origin: 'default' }],
    });
    put('a.yaml', 'extends: quickstart\nseed: 1\n');
    expect(await read('config', 'diff', 'quickstart', 'a.yaml')).toEqual([{ key: 'seed', a: 42, b: 1 }]);
    put('old.yaml', 'mixed_precision: false\n');
    expect(await read('config', 'migrate', 'old.yaml')).toMatchObject({
      file: 'old.yaml',
      moved: ['mixed_precision -> training.use_mixed_precision'],
    });
  });
});

describe('the apps', () => {
  const seen: string[][] = [];
  const fake = {
    package: '@mdiff/fake',
    load: () =>
      Promise.resolve({
        program: () =>
          new Command('fake').addCommand(
            new Command('do')
              .allowUnknownOption()
              .allowExcessArguments()
              .helpOption(false)
              .argument('[rest...]')
              .action((_rest, _flags, command: Command) => {
                seen.push(command.args);
              }),
          ),
      }),
  };

  it('get their arguments as they are', async () => {
    await forward(fake, ['do', '--help', 'book.txt', '--set', 'a=b', '-x']);
    expect(seen).toEqual([['--help', 'book.txt', '--set', 'a=b', '-x']]);
  });

  it('are named with what to install when they are missing', async () => {
    const missing = { package: '@mdiff/no-such-app', load: () => import('@mdiff/no-such-app' as string) };
    // Vitest words a failed import in its own way; Node's own is checked here.
    const node = {
      ...missing,
      load: () =>
        Promise.reject(
          Object.assign(new Error("Cannot find package '@mdiff/no-such-app' imported from /x.js"), { code: 'ERR_MODULE_NOT_FOUND' }),
        ),
    };
    await expect(forward(node, ['train'])).rejects.toMatchObject({
      message: 'mdiff train: the package @mdiff/no-such-app is not installed; run: npm install @mdiff/no-such-app',
      code: 'MDIFF_APP',
      exitCode: 2,
    });
    const broken = {
      ...missing,
      load: () =>
        Promise.reject(Object.assign(new Error("Cannot find package 'other' imported from /x.js"), { code: 'ERR_MODULE_NOT_FOUND' })),
    };
    await expect(forward(broken, ['train'])).rejects.toThrow("Cannot find package 'other'");
  });

  it.each(apps.map((app) => [app.package, app] as const))('%s has the commands listed here', async (_name, app) => {
    const { program: inner } = (await app.load()) as { program(): Command };
    expect(
      inner()
        .commands.map((command) => command.name())
        .sort(),
    ).toEqual(Object.keys(app.commands).sort());
  });

  it('are all listed by the one command', () => {
    expect(program().commands.map((command) => command.name())).toEqual([
      'config',
      ...apps.flatMap((app) => Object.keys(app.commands)),
      'complete',
    ]);
  });
});

describe('the sample after a training', () => {
  const ended = async (program: () => Command, origin: 'base' | 'tuned' | 'scratch' = 'scratch'): Promise<{ out: string; err: string }> => {
    let [out, err] = ['', ''];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((out += String(text))));
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean((err += String(text))));
    const generator = { package: '@mdiff/fake', commands: {}, load: () => Promise.resolve({ program }) };
    await writeSample({ model: 'outputs/a/model', origin, prompt: 'The old bridge' }, generator).finally(() => vi.restoreAllMocks());
    return { out, err };
  };
  const generate = (action: (words: string[]) => void) => () =>
    new Command().addCommand(
      new Command('generate')
        .allowUnknownOption()
        .argument('[words...]')
        .action((_, __, command: Command) => action(command.args)),
    );

  it('is generated from words of the text', async () => {
    const seen: string[][] = [];
    const { out, err } = await ended(generate((words) => void seen.push(words)));
    expect(seen).toEqual([['outputs/a/model', '--seed', '1', '--prompt', 'The old bridge']]);
    expect([out, err]).toEqual(['\na sample, continuing "The old bridge":\n\n\n', '']);
    const quiet = (): void => undefined;
    expect((await ended(generate(quiet), 'base')).out).toContain('\nbefore: the base model, continuing "The old bridge":');
    expect((await ended(generate(quiet), 'tuned')).out).toContain('\nafter: the fine-tuned model, continuing');
  });

  it('may fail without failing the run', async () => {
    const fail = (): void => {
      throw new Error('no ONNX Runtime here');
    };
    expect((await ended(generate(fail))).err).toBe('no sample: no ONNX Runtime here; the training is finished and its model is whole\n');
    expect((await ended(generate(fail), 'base')).err).toBe('no sample: no ONNX Runtime here; the training goes on\n');
  });
});

describe('as a process', () => {
  const bin = fileURLToPath(new URL('../bin/mdiff.js', import.meta.url));
  // Both runtimes are CommonJS, so a loaded one stands in Node's module cache when the process ends.
  const spy =
    'import m from "node:module"; process.on("exit", () => { for (const file of Object.keys(m._cache)) if (/tensorflow|onnxruntime/.test(file)) process.stderr.write(`loaded ${file}`); });';
  const exec = (...argv: string[]) =>
    spawnSync(process.execPath, [bin, ...argv], {
      cwd,
      encoding: 'utf8',
      env: {
        ...process.env,
        MDIFF__SEED: '4',
        NODE_OPTIONS: `--import=data:text/javascript;base64,${Buffer.from(spy).toString('base64')}`,
      },
    });

  it('config loads neither app, reads the environment and sets the exit code', () => {
    const good = exec('config', 'explain', 'seed');
    expect([good.stdout, good.stderr, good.status]).toEqual([
      'seed = 4 (env MDIFF__SEED); over 42 (default); integer >= 0 and <= 4294967295; every draw (weights, batches, masks, dropout, samples of pairs and corpus, generation)\n',
      '',
      0,
    ]);
    const bad = exec('config', 'print', '--set', 'sed=1');
    expect([bad.stdout, bad.stderr, bad.status]).toEqual(['', '--set sed: expected a known key, got "sed"; did you mean "seed"?\n', 2]);
    expect(existsSync(join(cwd, 'outputs'))).toBe(false);
  });
});
