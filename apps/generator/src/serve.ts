import type { AddressInfo } from 'node:net';
import { integer, interruptible, outputIsLog, port, print, UsageError } from '@mdiff/cli';
import type { Model } from '@mdiff/generate';
import type { FastifyInstance } from 'fastify';
import { type Command, Option } from 'commander';
import { addCommonFlags, type CommonFlags } from './flags.js';
import { folderOf, load, prepare, refuseIdle } from './open.js';
import { createServer } from './server/server.js';

interface ServeFlags extends CommonFlags {
  port: number;
  host: string;
  waiting: number;
  json?: boolean;
}

/** `mdiff serve`: answers until a signal stops it. */
async function runServe(argument: string | undefined, flags: ServeFlags): Promise<void> {
  outputIsLog();
  // The handlers stand before the first line is printed, so that whoever waits for it may send a signal at once.
  await interruptible((signal) => serve(folderOf('serve', argument, flags), flags, signal));
}

async function serve(folder: string, flags: ServeFlags, signal: AbortSignal): Promise<void> {
  const { files, sampling, chosen } = await prepare(folder, flags);
  refuseIdle('serve', chosen, { num_return_sequences: 'each request states its own n', interactive_mode: 'a server reads no lines' });
  const stopped = new Promise<null>((resolve) => signal.addEventListener('abort', () => resolve(null)));
  // Open the port before loading the model: a second server fails at once, and health checks get answers while a large model loads.
  let start!: () => void;
  const listening = new Promise<void>((resolve) => (start = resolve));
  const model = listening.then(() => load(files, flags));
  model.catch(() => undefined);
  const app = createServer({
    model,
    sampling,
    waiting: flags.waiting,
    onError: (error) => void process.stderr.write(`${error.stack ?? error.message}\n`),
  });
  if (signal.aborted) return;
  const url = await listen(app, flags);
  start();
  let loaded: Model | null = null;
  try {
    loaded = signal.aborted ? null : await Promise.race([model, stopped]);
    if (loaded) {
      const { name } = loaded;
      print(flags.json ? `${JSON.stringify({ model: name, url })}\n` : `serving ${name} at ${url}/v1/completions (Ctrl-C stops)\n`);
      await stopped;
    }
  } finally {
    await app.close();
  }
  await (await model).close();
}

/** Opens the port and returns the server's address as a URL. */
async function listen(app: FastifyInstance, flags: ServeFlags): Promise<string> {
  await app.listen({ host: flags.host, port: flags.port }).catch((error: NodeJS.ErrnoException) => {
    throw listenError(error, flags);
  });
  const { address, family, port } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

function listenError(error: NodeJS.ErrnoException, { host, port }: ServeFlags): Error {
  if (error.code === 'EADDRINUSE')
    return new UsageError(`--port: port ${port} is in use on ${host}; choose another, or 0 for any free port`);
  if (error.code === 'EACCES') return new UsageError(`--port: you may not open port ${port}; choose one above 1023`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new UsageError(`--host: "${host}" is not an address of this machine; use 127.0.0.1, or 0.0.0.0 to listen on every address`);
  return error;
}

export function addServe(root: Command): void {
  addCommonFlags(root.command('serve').description('answer POST /v1/completions (OpenAI shape), GET /v1/models, /healthz, /readyz'))
    .argument('[folder]', 'model folder')
    .addOption(new Option('--port <port>', 'TCP port; 0 takes a free one').argParser(port).default(8080))
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(new Option('--waiting <requests>', 'requests that may wait while one runs').argParser(integer).default(16))
    .option('--json', 'print model and address as one line of JSON when the server is ready')
    .action((folder: string | undefined, flags: ServeFlags) => runServe(folder, flags));
}
