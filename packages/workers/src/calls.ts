import { mustBe } from '@mdiff/arguments';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker, parentPort, workerData } from 'node:worker_threads';
import type { TransferListItem } from 'node:worker_threads';
import { claim, forget, latch, release, shut } from './latch.js';
import type { Latch } from './latch.js';
import { answerer, callsOver } from './messages.js';
import type { Call, Methods, Remote, Reply } from './messages.js';

// Calls into a worker thread or a child process of Node.

export interface StartOptions {
  env?: Readonly<Record<string, string>>;
}

export interface WorkerOptions extends StartOptions {
  /** false: a worker that has no call to answer does not keep the process alive; default true */
  keepAlive?: boolean;
  /** called when the thread has ended */
  onEnd?: () => void;
}

/** Whoever starts a thread anew after its death tells this error from others by its code. */
const endedError = (message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { code: 'MDIFF_WORKER_ENDED' });

// A worker whose script is given as text resolves names from the current directory, so the loader needs its full address.
const loader = (): string => import.meta.resolve('tsx/esm/api');

/**
 * Starts a worker on a module of this package. From TypeScript source the worker needs the tsx loader, which worker threads
 * do not inherit in Node 20.
 */
export function startWorker(entry: URL, input: WorkerOptions = {}): Remote {
  mustBe('startWorker', 'entry', entry, 'object');
  mustBe('startWorker', 'input', input, 'object');
  const { keepAlive = true, onEnd, ...options } = input;
  const env = { ...process.env, ...options.env };
  const flags = latch();
  const worker = entry.pathname.endsWith('.ts')
    ? new Worker(
        `import(${JSON.stringify(loader())}).then(({ register }) => { register(); return import(${JSON.stringify(entry.href)}); })`,
        {
          eval: true,
          env,
          workerData: flags,
          execArgv: ['--conditions=@mdiff/source'],
        },
      )
    : new Worker(entry, { env, workerData: flags });
  const { call, settle, fail, drain } = callsOver(
    (message, transfer) => worker.postMessage(message, transfer as TransferListItem[]),
    keepAlive ? undefined : (busy) => (busy ? worker.ref() : worker.unref()),
  );
  if (!keepAlive) worker.unref();
  worker.on('message', settle);
  worker.on('error', (error) => fail(endedError(`the worker thread ended: ${(error as Error).message}`, error)));
  worker.on('exit', (code) => {
    forget(flags);
    onEnd?.();
    fail(endedError(`the worker thread ended (exit code ${code})`));
  });
  let closing: Promise<void> | undefined;
  return {
    call,
    close: () => {
      shut(flags);
      return (closing ??= drain().then(async () => void (await worker.terminate())));
    },
  };
}

/** Starts a child process on such a module: for a library that has one state for all threads, or that may end its process. */
export function startProcess(entry: URL, options: StartOptions = {}): Remote {
  mustBe('startProcess', 'entry', entry, 'object');
  mustBe('startProcess', 'options', options, 'object');
  const child = fork(fileURLToPath(entry), [], {
    // Ctrl-C reaches every process of the terminal's group. This child must outlive it, so that its parent can save; it ends with its channel.
    detached: process.platform !== 'win32',
    env: { ...process.env, ...options.env, NODE_OPTIONS: '' },
    execArgv: entry.pathname.endsWith('.ts') ? ['--conditions=@mdiff/source', '--import', import.meta.resolve('tsx')] : [],
    serialization: 'advanced', // typed arrays
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => (errors = `${errors}${chunk.toString('utf8')}`.slice(-2000)));
  const { call, settle, fail } = callsOver((message) => void child.send(message));
  child.on('message', (reply) => settle(reply as Reply));
  child.on('error', fail);
  const ended = new Promise<void>((resolve) => {
    child.on('close', (code, signal) => {
      const last = errors
        .split('\n')
        .filter((line) => line.trim() !== '')
        .at(-1);
      fail(new Error(`the child process ended (${signal ?? `exit code ${code}`})${last === undefined ? '' : `: ${last.slice(0, 300)}`}`));
      resolve();
    });
  });
  return {
    call,
    close: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** The channel to whoever started this thread or process. */
function parent(): { on(listener: (call: Call) => void): void; post(reply: Reply, transfer?: readonly TransferListItem[]): void } {
  if (parentPort) {
    const port = parentPort;
    return {
      on: (listener) => void port.on('message', listener),
      post: (reply, transfer = []) => port.postMessage(reply, transfer as TransferListItem[]),
    };
  }
  process.on('disconnect', () => process.exit());
  return { on: (listener) => void process.on('message', listener), post: (reply) => void process.send!(reply) };
}

/** Answers calls inside a worker or a child process, one at a time and in order. */
export function serveWorker(methods: Methods): void {
  mustBe('serveWorker', 'methods', methods, 'object');
  const { on, post } = parent();
  // A child process has none: it may be killed at any moment.
  const flags = parentPort ? (workerData as Latch) : undefined;
  if (flags) process.on('exit', () => release(flags));
  on(answerer(methods, post, flags && { claim: () => claim(flags), release: () => release(flags) }));
}
