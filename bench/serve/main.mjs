// `mdiff serve` under load, beside the same graph in FastAPI and ONNX Runtime for Python; or one server for a long time, to see its memory.
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../../tools/workspace.mjs';
import { processorTime } from '../shared/cputime.mjs';
import { failure, list, number, oneOf, optionsOf, text, whole } from '../shared/options.mjs';
import { fixed, writeResult, writeTo } from '../shared/results.mjs';
import { findPython } from '../shared/python.ts';
import { load } from './load.mjs';
import { mixed } from './mixed.mjs';

const options = optionsOf({
  name: 'serve',
  about:
    'Requests a second, latencies, errors and processor time a request (ms) of mdiff serve and of FastAPI with the same graph; or, with --soak, the memory of mdiff serve.',
  options: {
    model: { kind: text('folder'), help: 'a model folder' },
    clients: {
      kind: list(whole(1)),
      default: '1,8,64,72',
      help: 'clients at once; 72 is three times what mdiff runs and lets wait, with sampler causal 144',
    },
    seconds: { kind: whole(1), default: 30, help: 'time of each load' },
    tokens: { kind: whole(1), default: 16, help: 'new tokens of a request' },
    threads: { kind: whole(1), default: 1, help: 'threads of ONNX Runtime inside an operator, on both sides' },
    cache: { kind: oneOf(['none', 'dual']), default: 'none', help: 'cache of mdiff serve; FastAPI has none' },
    set: { kind: text('key=value'), many: true, help: 'a key for mdiff serve, such as generation.block_length=8; may be repeated' },
    soak: {
      kind: number(0.1),
      help: 'load mdiff alone for so many minutes with 8 clients that ask for everything, and print its memory and how long its event loop was held up',
    },
    python: { kind: text('path'), help: 'a Python that has the peers (default: bench/serve/.venv, made once)' },
    out: { kind: text('file'), help: 'write the figures there instead of bench/results/' },
  },
});
if (options.model === undefined) throw failure('serve needs --model <folder>', 'MDIFF_USAGE', 2);

const PROMPT = 'The captain stood upon the deck, and';
// As many passes as tokens on both sides: the folder's sampler fills one mask a pass, and no text ends early.
const body = { prompt: PROMPT, max_tokens: options.tokens, min_tokens: options.tokens, temperature: 0.8 };
const plain = { prompt: PROMPT, max_tokens: options.tokens, temperature: 0.8 };

/** Starts a server, runs `use` with its address and its process, and ends it. */
async function withServer({ command, args, env = process.env }, address, use) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    return await use(
      await Promise.race([address(child), ended.then((code) => Promise.reject(failure(`${command} ended with ${code}`)))]),
      child,
    );
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

const firstLine = (child) =>
  new Promise((resolve) => {
    let line = '';
    child.stdout.on('data', (data) => (line += data).includes('\n') && resolve(JSON.parse(line).url));
  });

const mdiff = (use, env) => {
  const args = [
    join(root, 'apps/mdiff/bin/mdiff.js'),
    'serve',
    options.model,
    '--port',
    '0',
    '--json',
    '--threads',
    String(options.threads),
    '--cache',
    options.cache,
    ...options.set.flatMap((pair) => ['--set', pair]),
  ];
  return withServer({ command: process.execPath, args, env }, firstLine, use);
};

const PEER_PORT = 18_473;
const peer = (python, use) => {
  const url = `http://127.0.0.1:${PEER_PORT}`;
  const address = async () => {
    for (;;) {
      const up = await fetch(`${url}/docs`).catch(() => undefined);
      if (up) return url;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const script = join(root, 'bench/serve/peer.py');
  return withServer({ command: python, args: [script, options.model, String(PEER_PORT), String(options.threads)] }, address, use);
};

/** The answer of loop.mjs in the server, since it was last asked. */
async function eventLoop(pipe) {
  let answer = '';
  for await (const data of connect(pipe)) answer += data;
  return JSON.parse(answer);
}

async function soak(minutes) {
  const rows = [];
  const pipe = join(mkdtempSync(join(tmpdir(), 'mdiff-soak-')), 'loop');
  const preload = `--import ${pathToFileURL(join(root, 'bench/serve/loop.mjs'))}`;
  const env = { ...process.env, MDIFF_BENCH_LOOP: pipe, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${preload}` };
  await mdiff(async (url) => {
    const parts = Math.max(4, Math.ceil(minutes));
    const seconds = (minutes * 60) / parts;
    rows.push({ minutes: 0, ...(await eventLoop(pipe)) });
    console.log(JSON.stringify(rows.at(-1)));
    for (let part = 0; part < parts; part++) {
      const counts = await mixed({ url, clients: 8, seconds, seed: part });
      rows.push({ minutes: fixed(((part + 1) * minutes) / parts, 2), ...counts, ...(await eventLoop(pipe)) });
      console.log(JSON.stringify(rows.at(-1)));
    }
  }, env);
  console.table(rows);
  return { soak: rows };
}

async function compare() {
  const rows = [];
  const found = findPython(options.python, { folder: 'serve', what: 'FastAPI, ONNX Runtime, tokenizers' });
  if (found.missing) console.log(`FastAPI is left out: ${found.missing}`);
  const measure = (server, sent) => async (url, child) => {
    // The first request compiles, on either side.
    await load({ server, url, clients: 1, seconds: 2, body: sent });
    for (const clients of options.clients) {
      const before = processorTime(child.pid);
      const answer = await load({ server, url, clients, seconds: options.seconds, body: sent });
      const row = { ...answer, processor: (processorTime(child.pid) - before) / (answer.rate * options.seconds) };
      rows.push(Object.fromEntries(Object.entries(row).map(([key, value]) => [key, typeof value === 'number' ? fixed(value, 2) : value])));
      console.log(JSON.stringify(rows.at(-1)));
    }
  };
  await mdiff(measure('mdiff', body));
  if (found.python) await peer(found.python, measure('FastAPI', plain));
  console.table(rows);
  return { seconds: options.seconds, tokens: options.tokens, threads: options.threads, rows };
}

const figures = options.soak === undefined ? await compare() : await soak(options.soak);
if (options.out !== undefined) writeTo(options.out, figures);
else if (options.soak === undefined) writeResult('serve', figures);
