import type { AddressInfo } from 'node:net';
import { loadModel, type Model } from '@mdiff/generate';
import { type Command, Option } from 'commander';
import { addCommonFlags, type CommonFlags, integer, port } from './flags.js';
import { folderOf, loadOptions, readSettings } from './open.js';
import { print } from './print.js';
import { UsageError } from './report.js';
import { createServer } from './server.js';

export interface ServeFlags extends CommonFlags {
  port: number;
  host: string;
  waiting: number;
}

/** Milliseconds that requests get to finish after a signal to stop. */
const GRACE = 10_000;

/** `mdiff serve`: answers until SIGINT or SIGTERM. */
export async function runServe(argument: string | undefined, flags: ServeFlags): Promise<void> {
  const folder = folderOf('serve', argument, flags);
  const { sampling } = await readSettings(folder, flags);
  // The port is taken before the model is read: a second server on it fails at once, and probes get an answer while a large model loads.
  let start!: () => void;
  const listening = new Promise<void>((resolve) => (start = resolve));
  const model = listening.then(() => loadModel(folder, loadOptions(flags)));
  model.catch(() => undefined);
  const app = createServer({ model, sampling, waiting: flags.waiting, onError: (error) => void process.stderr.write(`${error.stack ?? error.message}\n`) });
  await app.listen({ host: flags.host, port: flags.port }).catch((error: NodeJS.ErrnoException) => {
    throw listenError(error, flags);
  });
  start();
  const { address, family, port } = app.server.address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  let loaded: Model;
  try {
    loaded = await model;
  } catch (error) {
    await app.close();
    throw error;
  }
  print(`serving ${loaded.name} at ${url}/v1/completions (Ctrl-C stops)\n`);
  await stopSignal();
  const patience = setTimeout(() => app.server.closeAllConnections(), GRACE);
  await app.close();
  clearTimeout(patience);
  await loaded.close();
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      // A second signal ends the process as usual.
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, stop);
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
  });
}

function listenError(error: NodeJS.ErrnoException, { host, port }: ServeFlags): Error {
  if (error.code === 'EADDRINUSE') return new UsageError(`--port: expected a free port, got ${port}, which is in use on ${host}; choose another, or 0 for any`);
  if (error.code === 'EACCES') return new UsageError(`--port: expected a port that may be opened, got ${port}; choose one above 1023`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') return new UsageError(`--host: expected an address of this machine, got "${host}"`);
  return error;
}

export function addServe(root: Command): void {
  addCommonFlags(root.command('serve').description('answer POST /v1/completions (OpenAI shape), GET /v1/models, /healthz, /readyz'))
    .argument('[folder]', 'model folder')
    .addOption(new Option('--port <port>', 'TCP port; 0 takes a free one').argParser(port).default(8080))
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(new Option('--waiting <requests>', 'requests that may wait while one runs').argParser(integer).default(16))
    .action((folder: string | undefined, flags: ServeFlags) => runServe(folder, flags));
}
