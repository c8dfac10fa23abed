// A command on several ranks with the MPI of this machine, and what its runs have left.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute, root } from '../../tools/workspace.mjs';

export const entry = join(root, 'apps/mdiff/bin/mdiff.js');
/** Root may run mpirun in a container, and four ranks on two cores. */
export const asRoot = { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' };

/** One process. */
export const mdiff = (args, env = {}) => execute(process.execPath, [entry, ...args], { output: 'keep', env });

/** mpirun with one program for each list of arguments, as many ranks as there are. `as`: by rank, a command that starts the program in its place. */
const mpirunArgs = (programs, as = {}) => [
  ...['--oversubscribe', '--mca', 'btl_vader_single_copy_mechanism', 'none'],
  ...programs.flatMap((args, i) => [...(i > 0 ? [':'] : []), '-n', '1', ...(as[i] ?? []), process.execPath, entry, ...args]),
];
export const same = (n, args) => Array.from({ length: n }, () => args);

/** Runs a command on ranks; once `ready`, does `act`, and measures the time from there to the end: without them, of the whole. */
export async function onRanks(programs, { as, ready = () => true, act = () => undefined } = {}) {
  const child = spawn('mpirun', mpirunArgs(programs, as), { env: { ...process.env, ...asRoot }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let sent;
  const look = () => {
    if (sent !== undefined || !ready()) return;
    sent = Date.now();
    act();
  };
  look();
  const timer = setInterval(look, 100);
  child.stdout.on('data', (data) => (text += data));
  child.stderr.on('data', (data) => (text += data));
  const limit = setTimeout(() => child.kill('SIGKILL'), 300_000);
  const code = await new Promise((done) => child.on('close', done));
  clearInterval(timer);
  clearTimeout(limit);
  return { code, text, seconds: (Date.now() - sent) / 1000 };
}

/** The process of a rank that computes, which the launcher in bin/mdiff.js has started; `argument` stands in its command. */
export function processOf(rank, argument) {
  for (const pid of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const [environment, command] = ['environ', 'cmdline'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0'));
      const isRank = environment.includes(`OMPI_COMM_WORLD_RANK=${rank}`) && command.includes(argument);
      if (isRank && !command.includes(entry)) return Number(pid);
    } catch {
      // it has ended meanwhile
    }
  }
  throw new Error(`no process of rank ${rank}`);
}

/** Steps that a run has recorded. */
export const stepsIn = (folder) => {
  const file = join(folder, 'metrics.jsonl');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
};

/** A text, a small network and the commands that train it, in a folder. */
export function job(scratch) {
  const cache = join(scratch, 'cache');
  mkdirSync(scratch, { recursive: true });
  const book = join(scratch, 'book.txt');
  writeFileSync(book, bookOf(150));
  const config = join(scratch, 'micro.json');
  writeFileSync(
    config,
    JSON.stringify({
      engine: 'onnxruntime',
      device: 'cpu',
      cache_dir: cache,
      output_dir: join(scratch, 'outputs'),
      reports: [],
      hardware: { cpu_threads: 1 },
      model: { d_model: 16, n_layers: 1, n_heads: 2, d_ff: 32, vocab_size: 300, max_seq_len: 48, dropout: 0.1 },
      curriculum: {
        stages: [{ name: 'text', epochs: 2, masking_rate_range: [0.05, 1], data_selection: 'all', format_type: 'paragraphs' }],
        transition_epochs: 0,
      },
      training: {
        ...{ batch_size: 1, max_steps: 6, eval_every: 3, save_every: 3, log_every: 1, patience: 0, warmup_steps: 1, ema_decay: 0.9 },
        ...{ use_mixed_precision: false, use_gradient_checkpointing: false, dataloader_num_workers: 0, val_batch_size: 2 },
      },
    }),
  );
  const folderOf = (name) => join(scratch, 'outputs', name);
  return {
    scratch,
    cache,
    book,
    config,
    trainArgs: (name, set = [], { source = book } = {}) => [
      ...['train', source, '-c', config, '--no-sample'],
      ...[`experiment_name=${name}`, ...set].flatMap((one) => ['--set', one]),
    ],
    folderOf,
    metrics: (name) => readFileSync(join(folderOf(name), 'metrics.jsonl'), 'utf8').replace(/"tokens_per_s":[\d.]+/g, '"tokens_per_s":0'),
    weights: (name) => readFileSync(join(folderOf(name), 'model/model.safetensors')),
  };
}

/** A text of different sentences, one a paragraph. */
export const bookOf = (paragraphs, first = 0) =>
  Array.from({ length: paragraphs }, (_, k) => {
    const i = first + k;
    return `Whale ${(i * 7919) % 1000} swam ${i % 13} miles through the cold sea, and the men of ship ${i % 7} saw it.`;
  }).join('\n\n');
