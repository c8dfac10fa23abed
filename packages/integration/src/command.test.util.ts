import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stream } from '@mdiff/diffusion';

// The train command as its users run it, in a process and a folder of its own.

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Node's arguments for `mdiff`: the sources, or what is built of them where the tests import that as well (vitest.config.ts). */
export const command: readonly string[] =
  process.env['MDIFF_BUILT'] === '1'
    ? [join(root, 'apps/mdiff/dist/main.js')]
    : ['--conditions=@mdiff/source', '--import', import.meta.resolve('tsx'), join(root, 'apps/mdiff/src/main.ts')];

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

export interface Workplace {
  folder: string;
  book: string;
  /** the flags of a short run */
  settings(name: string): string[];
  /** `watch` is called at the start, and with all output so far whenever there is more */
  mdiff(args: readonly string[], watch?: (child: ChildProcess, out: string) => void, env?: Record<string, string>): Promise<Ended>;
  /** the lines of a run's metrics, without speed */
  losses(name: string): Promise<{ loss: number }[]>;
  remove(): Promise<void>;
}

export async function workplace(): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), 'mdiff-command-'));
  const book = join(folder, 'book.txt');
  const rng = stream(1, 'book');
  const words = ['whale', 'ship', 'sea', 'sailor', 'storm', 'captain', 'island', 'night'];
  const sentence = (): string => `The ${words[rng.int(8)]} saw the ${words[rng.int(8)]} and the ${words[rng.int(8)]}.`;
  await writeFile(book, Array.from({ length: 150 }, () => `${sentence()} ${sentence()}`).join('\n\n'));
  const settings = (name: string): string[] => [
    ...[
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
    ].flatMap((setting) => ['--set', setting]),
    ...['--preset', 'quickstart_scratch'],
  ];
  return {
    folder,
    book,
    settings,
    mdiff: (args, watch, env) => {
      const child = spawn(process.execPath, [...command, ...args], {
        cwd: folder,
        env: { ...process.env, ...env },
      });
      let out = '';
      let err = '';
      watch?.(child, out);
      child.stdout.on('data', (data: Buffer) => {
        out += data.toString();
        watch?.(child, out);
      });
      child.stderr.on('data', (data: Buffer) => (err += data.toString()));
      return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, out, err })));
    },
    losses: async (name) =>
      (await readFile(join(folder, 'outputs', name, 'metrics.jsonl'), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => ({ ...(JSON.parse(line) as { loss: number }), tokens_per_s: 0 })),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
