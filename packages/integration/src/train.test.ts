import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stream } from '@mdiff/diffusion';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// The command as its users run it, in a process of its own: killed, interrupted, and given what it cannot use.

const root = fileURLToPath(new URL('../../..', import.meta.url));
const main = join(root, 'apps/mdiff/src/main.ts');
const tsx = import.meta.resolve('tsx');

let folder: string;
let book: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mdiff-command-'));
  book = join(folder, 'book.txt');
  const rng = stream(1, 'book');
  const words = ['whale', 'ship', 'sea', 'sailor', 'storm', 'captain', 'island', 'night'];
  const sentence = (): string => `The ${words[rng.int(8)]} saw the ${words[rng.int(8)]} and the ${words[rng.int(8)]}.`;
  await writeFile(book, Array.from({ length: 150 }, () => `${sentence()} ${sentence()}`).join('\n\n'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const settings = (name: string): string[] =>
  [
    `experiment_name=${name}`,
    `output_dir=${join(folder, 'outputs')}`,
    `cache_dir=${join(folder, 'cache')}`,
    'hardware.cpu_threads=1',
    // Steps long enough (some 20 ms) that a signal sent on seeing one arrives before the run is over.
    'model.d_model=64',
    'model.n_layers=2',
    'model.n_heads=2',
    'model.d_ff=128',
    'model.vocab_size=300',
    'model.max_seq_len=48',
    'training.batch_size=8',
    'training.max_steps=60',
    'training.warmup_steps=6',
    'training.log_every=1',
    'training.eval_every=20',
    'training.save_every=7',
  ].flatMap((setting) => ['--set', setting]);

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

function mdiff(args: readonly string[], watch?: (child: ChildProcess, out: string) => void): Promise<Ended> {
  const child = spawn(process.execPath, ['--conditions=@mdiff/source', '--import', tsx, main, ...args], { cwd: folder });
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => {
    out += data.toString();
    watch?.(child, out);
  });
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, out, err })));
}

const losses = async (name: string): Promise<unknown[]> =>
  (await readFile(join(folder, 'outputs', name, 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => ({ ...(JSON.parse(line) as object), tokens_per_s: 0 }));

describe('mdiff train', () => {
  let whole: unknown[];
  beforeAll(async () => {
    const { code, err } = await mdiff(['train', book, ...settings('whole')]);
    expect(err).toBe('');
    expect(code).toBe(0);
    whole = await losses('whole');
  }, 60_000);

  it('writes one line per logged step, off a terminal plain text', () => {
    expect(whole.length).toBe(60);
  });

  it('killed with SIGKILL at a random moment and resumed, continues with bit-identical losses', async () => {
    // Another moment in every run of the suite, on purpose; it is named when the test fails.
    const at = 2 + Math.floor(Math.random() * 40);
    const killed = await mdiff(['train', book, ...settings('killed')], (child, out) => {
      if (out.includes(`step ${String(at).padStart(2)}/60`)) child.kill('SIGKILL');
    });
    expect(killed.signal, `kill at step ${at}`).toBe('SIGKILL');
    const resumed = await mdiff(['train', book, ...settings('killed'), '--resume']);
    expect(resumed.code, resumed.err).toBe(0);
    expect(await losses('killed'), `kill at step ${at}`).toEqual(whole);
  });

  it('saves on Ctrl-C, exits with 130, and goes on', async () => {
    // Far more steps than it will take, so that it cannot end by itself first.
    const long = [...settings('stopped'), '--set', 'training.max_steps=20000'];
    const interruptAfter = (step: RegExp) => (child: ChildProcess, out: string) => void (!child.killed && step.test(out) && child.kill('SIGINT')); // a second one would end it at once
    const stopped = await mdiff(['train', book, ...long], interruptAfter(/step +10\/20000/));
    expect(stopped.code, stopped.err).toBe(130);
    const saved = Number(/saved at step (\d+) of 20000; go on with: .*--resume/.exec(stopped.out)?.[1]);
    expect(saved).toBeGreaterThanOrEqual(10);
    const again = await mdiff(['train', book, ...long]);
    expect(again.code).toBe(2);
    expect(again.err).toMatch(/--resume.*--fresh/);
    const resumed = await mdiff(['train', book, ...long, '--resume'], interruptAfter(new RegExp(`step +${saved + 3}/20000`)));
    expect(resumed.code, resumed.err).toBe(130);
    expect(/step +(\d+)\/20000/.exec(resumed.out)?.[1]).toBe(String(saved + 1));
  });
});

describe('what cannot be used', () => {
  const cases: [string, string | Buffer | undefined, string[], RegExp][] = [
    ['a missing book', undefined, [], /data\.source: expected a readable text, got ".*"; nothing at/],
    ['an empty book', '', [], /data\.source: .*empty/i],
    ['a binary file', Buffer.from([0, 1, 2, 3, 0, 0, 255, 254, 0, 0]), [], /data\.source: .*binary/i],
    ['neither UTF-8 nor Windows-1252', Buffer.from('A caf\x81 at the sea. '.repeat(50), 'latin1'), [], /data\.source: .*not UTF-8 .* nor Windows-1252/],
    ['an unknown key', 'text', ['--set', 'training.batchsize=4'], /training\.batchsize: expected a known key.*batch_size/],
    ['a row longer than positions can be', 'text', ['--set', 'model.max_seq_len=70000'], /model\.max_seq_len: expected an integer/],
  ];
  it.each(cases)('%s: one line, exit code 2, nothing written', async (name, content, args, message) => {
    const path = join(folder, `${name.replaceAll(' ', '-')}.txt`);
    if (content !== undefined) await writeFile(path, content);
    const run = `bad-${name.replaceAll(' ', '-')}`;
    const { code, err } = await mdiff(['train', path, ...settings(run), ...args]);
    expect(err.trim().split('\n').length, err).toBe(1);
    expect(err).toMatch(message);
    expect(code).toBe(2);
    await expect(readFile(join(folder, 'outputs', run, 'run.json'))).rejects.toThrow();
  });

  it('a vocabulary larger than the text supports: one warning with the number reached, and the model fits it', async () => {
    const { code, err } = await mdiff(['train', book, ...settings('large'), '--set', 'model.vocab_size=5000', '--set', 'training.max_steps=1']);
    expect(code).toBe(0);
    const reached = /model\.vocab_size: warning: the tokenizer reached (\d+) of 5000 ids; the model uses \1\n/.exec(err)?.[1];
    expect(JSON.parse(await readFile(join(folder, 'outputs/large/model/config.json'), 'utf8'))).toMatchObject({ vocab_size: Number(reached) });
  });
});
