import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createNetServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { run } from './command.test.util.js';
import { fixture } from './fixture.test.util.js';

afterEach(() => vi.restoreAllMocks());

// A path where nothing is and nothing will be: inside a folder of this test's own.
const scratch = mkdtempSync(join(tmpdir(), 'mdiff-program-'));
const absent = join(scratch, 'absent');
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function type(text: string): void {
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(Readable.from([text]) as unknown as typeof process.stdin);
}

describe('generate', () => {
  it('prints the text and nothing else', async () => {
    const { out, err, code } = await run('generate', fixture, '--prompt', 'Call me ', '--seed', '3');
    expect({ err, code }).toEqual({ err: '', code: 0 });
    expect(out).toMatch(/^Call me [A-Za-z. ]+\n$/);
    expect((await run('generate', '--model', fixture, '--prompt', 'Call me ', '--seed', '3')).out).toBe(out);
    expect((await run('generate', fixture, '--prompt', 'Call me ', '--set', 'generation.seed=3')).out).toBe(out);
    expect((await run('generate', fixture, '--prompt', 'Call me ', '--seed', '4')).out).not.toBe(out);
  });

  it('takes its shorthands and --set, and prints JSON when asked', async () => {
    const { out } = await run(
      'generate',
      fixture,
      '-n',
      '3',
      '--temperature',
      '0',
      '--num-steps',
      '2',
      '--max-length',
      '8',
      '-s',
      'generation.min_length=7',
      '--json',
      '--threads',
      '1',
      '--no-verify',
      '--seed',
      '42',
    );
    const { texts } = JSON.parse(out) as { texts: { tokens: number; nfe: number; seed: number }[] };
    expect(texts).toHaveLength(3);
    expect(texts.map(({ seed }) => seed)).toEqual([42, 43, 44]);
    for (const text of texts) expect(text).toMatchObject({ tokens: 7, nfe: 2 });
  });

  it('separates several texts by a blank line and reaches a suffix', async () => {
    const { out } = await run('generate', fixture, '-n', '2', '--prompt', 'Call', '--suffix', ' whale.', '--max-length', '12');
    expect(out.trimEnd().split('\n\n')).toEqual([
      expect.stringMatching(/^Call .* whale\.$/) as string,
      expect.stringMatching(/^Call .* whale\.$/) as string,
    ]);
  });

  it('answers each line of its input, going on after a mistake', async () => {
    type(`Call me\n${'whale '.repeat(50)}\nThe`);
    const { out, err, code } = await run('generate', fixture, '--interactive');
    expect(code).toBe(0);
    expect(out).toMatch(/^Call me.*\nThe.*\n$/);
    // Each line has a seed of its own, which the command names.
    expect(err).toMatch(/^seed (\d+) .*\nprompt: expected at most 30 tokens.*\nseed (?!\1 )\d+ .*\n$/);
    type('\n\n');
    const { out: two, err: quiet } = await run('generate', fixture, '--interactive', '--seed', '5');
    const [first, second] = two.split('\n');
    expect(quiet).toBe('');
    expect(second).not.toBe(first);
    expect((await run('generate', fixture, '--seed', '6')).out).toBe(`${second}\n`);
    type('Call me');
    expect((await run('generate', fixture, '--set', 'generation.interactive_mode=true', '--json')).out).toMatch(
      /^\{"texts":\[\{"text":"Call me/,
    );
  });
});

describe('rewrite', () => {
  it('writes words anew, given or by share, from an argument or standard input', async () => {
    const { out, err, code } = await run('rewrite', fixture, 'The whale and the whale.', '--word', 'whale', '--seed', '1');
    expect({ err, code }).toEqual({ err: '', code: 0 });
    expect(out).toMatch(/^The.+ and the.+\.\n$/);
    type('The whale and the whale.\n');
    expect((await run('rewrite', '--model', fixture, '-', '--word', 'whale', '--seed', '1')).out).toBe(out);
    const { out: json } = await run('rewrite', fixture, 'The whale and the sea.', '--share', '1', '-n', '2', '--json');
    const { texts } = JSON.parse(json) as { texts: { text: string; masked: number; seed: number }[] };
    expect(texts.map(({ masked }) => masked)).toEqual([5, 5]);
    expect(texts[1]!.seed).toBe((texts[0]!.seed + 1) % 2 ** 32);
  });
});

describe('a conversation', () => {
  it('has commands that begin with a slash', async () => {
    type('/infill Call ___{1} Ishmael.\n/set temperature=0\n/set temprature=1\nCall\n/rewrite The whale.\n/show\n/nothing\n/quit\nThe');
    const { out, err, code } = await run('generate', fixture, '--interactive', '--seed', '1', '--temperature', '1');
    const lines = out.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(/^Call .+ Ishmael\.$/) as string,
      (await run('generate', fixture, '--prompt', 'Call', '--temperature', '0', '--seed', '9')).out.trimEnd(),
      expect.any(String) as string,
      expect.stringContaining('"temperature":0,') as string,
    ]);
    expect(err.split('\n')).toEqual([
      '--set generation.temprature: expected a known key, got "temprature"; did you mean "temperature"?',
      '/nothing: no such command; /help lists them, and a line that begins with a space is a prompt',
      '',
    ]);
  });
});

describe('infill', () => {
  it('fills the gaps of a text', async () => {
    expect((await run('infill', fixture, 'Call ___:1 Ishmael.', '--temperature', '0')).out).toBe('Call me Ishmael.\n');
    expect(
      (await run('infill', '--model', fixture, 'Call <> Ishmael.', '--gap', '<>', '--gap-tokens', '1', '--temperature', '0')).out,
    ).toBe('Call me Ishmael.\n');
    // Two digits are minutes, and a user who meant tokens is told.
    const time = await run('infill', fixture, 'At ___:40 we', '--temperature', '0');
    expect(time.out).toMatch(/:40 we\n$/);
    expect(time.err).toContain('___:40 is a gap and the minutes :40; a gap of 40 tokens is ___{40}\n');
    const { texts } = JSON.parse((await run('infill', fixture, 'The ___:2 and ___:1 sea', '-n', '2', '--json')).out) as {
      texts: { text: string; fills: string[] }[];
    };
    for (const { text, fills } of texts) expect(text).toBe(`The ${fills[0]} and ${fills[1]} sea`);
  });
});

describe('mistakes end with one line and an exit code', () => {
  it.each([
    [['generate'], 2, 'generate: no model folder given; for example: mdiff generate outputs/my-book/model\n'],
    [
      ['generate', absent],
      2,
      `${absent}: expected a model folder, got nothing at this path; give the folder that training wrote (…/model)\n`,
    ],
    [['generate', fixture, '--model', 'other'], 2, `generate: two model folders given, "${fixture}" and --model "other"; leave one out\n`],
    [['generate', fixture, '--temperature', '11'], 2, '--temperature: expected a number >= 0 and <= 10, got 11\n'],
    [['generate', fixture, '-n', '0'], 2, '-n: expected an integer >= 1 and <= 256, got 0\n'],
    [['infill', fixture, 'a ___', '-n', '0'], 2, '-n: expected an integer >= 1 and <= 256, got 0\n'],
    [['generate', fixture, '--num-steps', '0'], 2, '--num-steps: expected an integer >= 1 and <= 65536, got 0\n'],
    [['generate', fixture, '--seed', '4294967296'], 2, '--seed: expected an integer >= 0 and <= 4294967295 or null, got 4294967296\n'],
    [
      ['generate', fixture, '--max-length', '33'],
      2,
      '--max-length: expected an integer <= model.max_seq_len (32), got 33; see model folder model.max_seq_len\n',
    ],
    [
      ['generate', fixture, '--seed', '1', '--set', 'generation.seed=2'],
      2,
      '--seed and --set generation.seed=2: two values for the same key; leave one out\n',
    ],
    [
      ['generate', fixture, '-i', '--prompt', 'x'],
      2,
      "error: option '-i, --interactive' cannot be used with option '-p, --prompt <text>'\n",
    ],
    [['generate', fixture, '--set', 'x=1'], 2, '--set x: expected a known key, got "x"\n'],
    [
      ['generate', fixture, '--prompt', 'whale '.repeat(50)],
      2,
      'prompt: expected at most 30 tokens, so that one can be added (model.max_seq_len 32), got 54; shorten the text\n',
    ],
    [['generate', fixture, '--bogus'], 2, "error: unknown option '--bogus'\n"],
    [['generate', fixture, '-n', 'x'], 2, "error: option '-n <texts>' argument 'x' is invalid. expected a number.\n"],
    [['infill', fixture], 2, `infill: no text given; for example: mdiff infill ${fixture} "Call me ___."\n`],
    [
      ['infill', fixture, 'a ___', '--set', 'generation.max_length=8'],
      2,
      'generation.max_length: has no effect in infill, because the text and its gaps say how long it is; leave it out\n',
    ],
    [
      ['serve', fixture, '--set', 'generation.num_return_sequences=2'],
      2,
      'generation.num_return_sequences: has no effect in serve, because each request states its own n; leave it out\n',
    ],
    [['rewrite', fixture], 2, `rewrite: no text given; for example: mdiff rewrite ${fixture} "Call me Ishmael." --share 0.5\n`],
    [['rewrite', fixture, 'The whale', '--word', 'ship'], 2, 'words: "ship" does not occur in the text\n'],
    [['rewrite', fixture, 'The whale', '--share', '0'], 2, 'share: expected a number > 0 and <= 1, got 0\n'],
    [['generate', fixture, '--watch'], 2, '--watch: standard error is no terminal; leave --watch out\n'],
    [['infill', fixture, 'no gap'], 2, 'text: no gap found; write ___ where mdiff should fill in text\n'],
    [
      ['serve', fixture, '--port', '65536'],
      2,
      "error: option '--port <port>' argument '65536' is invalid. expected a port from 0 to 65535.\n",
    ],
    [['serve', absent], 2, `${absent}: expected a model folder, got nothing at this path; give the folder that training wrote (…/model)\n`],
    [
      ['serve', fixture, '--port', '0', '--host', '192.0.2.1', '--insecure'],
      2,
      '--host: "192.0.2.1" is not an address of this machine; use 127.0.0.1, or 0.0.0.0 to listen on every address\n',
    ],
    [['serve', fixture, '--host', ''], 2, '--host: expected an address, got ""; 127.0.0.1 listens on this machine alone\n'],
    [
      ['serve', fixture, '--host', '127.0.0.1:80'],
      2,
      '--host: expected an address without a port, got "127.0.0.1:80"; use --host 127.0.0.1 --port 80\n',
    ],
    [['serve', fixture, '--host', '[::1]'], 2, '--host: expected an address without brackets, got "[::1]"; use ::1\n'],
    [
      ['serve', fixture, '--host', '0.0.0.0'],
      2,
      '--host: "0.0.0.0" lets other machines in; protect the server with --token (or MDIFF_TOKEN), or let everybody in with --insecure\n',
    ],
    [
      ['serve', fixture, fixture, '--port', '0'],
      2,
      `serve: ${fixture} and ${fixture} are both called "shifted"; start a server for each\n`,
    ],
  ])('%j', async (args, code, line) => {
    expect(await run(...args)).toEqual({ out: '', err: line, code });
  });

  it('a port in use', async () => {
    const other = createNetServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { err, code } = await run('serve', fixture, '--port', String(port));
    other.close();
    expect({ err, code }).toEqual({
      err: `--port: port ${port} is in use on 127.0.0.1; choose another, or 0 for any free port\n`,
      code: 2,
    });
  });

  it('--help is none', async () => {
    const { out, code } = await run('generate', '--help');
    expect(code).toBe(0);
    expect(out).toContain('--prompt');
  });
});

describe('as a process', () => {
  const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  // The built program, if the tests import what is built (vitest.config.ts).
  const main =
    process.env['MDIFF_BUILT'] === '1'
      ? [file('../dist/main.js')]
      : ['--conditions=@mdiff/source', '--import', import.meta.resolve('tsx'), file('./main.ts')];
  const children: ChildProcess[] = [];
  afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));

  function launch(...args: string[]) {
    const child = spawn(process.execPath, [...main, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    children.push(child);
    const seen = { out: '', err: '' };
    child.stdout.on('data', (text) => (seen.out += String(text)));
    child.stderr.on('data', (text) => (seen.err += String(text)));
    const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
      child.on('close', (code) => resolve({ code, ...seen })),
    );
    return { child, seen, ended };
  }

  it('reports a mistake in one line and generates without leaving anything running', async () => {
    const [bad, good] = await Promise.all([launch('generate', absent).ended, launch('generate', fixture, '--prompt', 'Call').ended]);
    expect(bad).toMatchObject({ code: 2, out: '' });
    expect(bad.err.replace(absent, 'F')).toMatch(/^F: expected a model folder[^\n]*\n$/);
    expect(good).toEqual({
      code: 0,
      out: expect.stringMatching(/^Call .*\n$/) as string,
      err: expect.stringMatching(/^seed \d+ \(--seed \d+ writes this again\)\n$/) as string,
    });
  });

  it('serves until it is told to stop, and says where to people or to programs', async () => {
    const other = file('../../../packages/generate/fixtures/plain');
    const server = launch('serve', fixture, '--port', '0');
    const programs = launch('serve', fixture, other, '--port', '0', '--json');
    const line = ({ child, seen, ended }: typeof server): Promise<string> =>
      new Promise((resolve, reject) => {
        child.stdout.on('data', () => seen.out.endsWith('\n') && resolve(seen.out));
        void ended.then(({ err }) => reject(new Error(err)));
      });
    const [told, printed] = await Promise.all([line(server), line(programs)]);
    const { model, models, url: address } = JSON.parse(printed) as { model: string; models: string[]; url: string };
    expect([model, models]).toEqual(['shifted', ['shifted', 'plain']]);
    expect((await fetch(`${address}/readyz`)).status).toBe(200);
    programs.child.kill('SIGTERM');
    const url = /serving shifted at (http:\/\/127\.0\.0\.1:\d+)\/v1\/completions/.exec(told)![1]!;
    const { child, ended } = server;
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"prompt":"Call","seed":1}',
    });
    expect(response.status).toBe(200);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, err: '' });
  });
});
