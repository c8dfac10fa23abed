import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '@mdiff/folder/node';
import { kernelState, readEngineRecord } from '@mdiff/engine';
import { ADDON, engineFolder } from '@mdiff/engine';
import { megabytes, pins as pinned } from './pins.js';
import type { Pin } from './pins.js';
import { checkPlatform } from './platform.js';
import { provision } from './provision.js';
import type { Provisioned, ProvisionOptions } from './provision.js';

// A small wheel, a package index and a pip and a compiler of ours: what is between them is tried, without network or compiler.

const noise = Uint8Array.from({ length: 400_000 }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 13) & 255);
const wheel = zipSync(
  {
    'tensorflow/libtensorflow_cc.so.2': noise,
    'tensorflow/libtensorflow_framework.so.2': Buffer.from('framework'),
    'tensorflow/include/tensorflow/c/c_api.h': Buffer.from('// header'),
    'tensorflow/python/unused.py': Buffer.from('nothing needs this'),
  },
  { level: 0 },
); // stored, so that the wheel has a middle
const pin: Pin = {
  distribution: 'tiny-tensorflow',
  version: '1.0',
  file: 'tiny_tensorflow-1.0-py3-none-any.whl',
  size: wheel.length,
  sha256: sha256(wheel),
};

let folder: string;
let server: Server;
let address: string;
/** of each answer of the index: where it began */
let served: number[];
/** how the index answers */
let serve: { status?: number; cut?: number; content?: Uint8Array; whole?: boolean };
let caches = 0;

const compiler = (script = ''): string =>
  `#!/bin/sh\n[ "$1" = --version ] && { echo "tiny compiler 1.0"; exit 0; }\n${script}\nwhile [ "$1" != -o ]; do shift; done\necho made > "$2"\n`;
const pip = (script?: string): string =>
  `#!/bin/sh\n[ "$3" = --version ] && exit 0\n${script ?? `[ "$3" = install ] && { echo '{"install": [{"download_info": {"url": "${address}/${pin.file}"}}]}'; exit 0; }\nexit 1`}\n`;

/** A PATH with these programs, and a shell's own. */
async function programs(given: Record<string, string>): Promise<NodeJS.ProcessEnv> {
  const bin = join(folder, `bin-${caches}-${Object.keys(given).join('-')}-${sha256(JSON.stringify(given)).slice(0, 6)}`);
  await mkdir(bin, { recursive: true });
  for (const [name, text] of Object.entries(given)) {
    await writeFile(join(bin, name), text);
    await chmod(join(bin, name), 0o755);
  }
  // Programs of the machine are out of reach: only what a shell has built in.
  return { PATH: bin };
}

interface Try extends Partial<ProvisionOptions> {
  pip?: string | null;
  compiler?: string | null;
  /** CXXFLAGS */
  flags?: string;
}

let cache: string;
let said: string[];
const there = (...names: string[]): string => join(engineFolder(cache, 'cpu'), ...names);

async function install({ pip: asked, compiler: compiles, flags, ...options }: Try = {}): Promise<Provisioned> {
  const env = await programs({
    ...(asked !== null && { python3: asked ?? pip() }),
    ...(compiles !== null && { 'c++': compiles ?? compiler() }),
  });
  said = [];
  return provision({
    cacheDir: cache,
    variant: 'cpu',
    env: { ...env, ...(flags !== undefined && { CXXFLAGS: flags }) },
    pins: [pin],
    peer: join(folder, 'peer'),
    kernels: join(folder, 'kernels.cc'),
    platform: { platform: 'linux', arch: 'x64', glibc: true },
    watch: { phase: (text) => said.push(text), bytes: () => undefined },
    check: () => Promise.resolve(),
    pause: 1,
    ...options,
  });
}

const refused = (code: string, pattern: RegExp) => expect.objectContaining({ code, message: expect.stringMatching(pattern) as string });
/** names in the folder of engines, and of wheels that are kept */
const left = async (): Promise<string[][]> => [
  await readdir(join(cache, 'engines')).catch(() => []),
  await readdir(join(`${there()}.part`, 'wheels')).catch(() => []),
];
const name = (): string => there().split('/').at(-1)!;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mdiff-provision-'));
  for (const part of ['dist', 'binding']) await mkdir(join(folder, 'peer', part), { recursive: true });
  await writeFile(join(folder, 'peer', 'package.json'), '{ "name": "@tensorflow/tfjs-node", "version": "4.22.0" }');
  await writeFile(join(folder, 'kernels.cc'), '// kernels');
  server = createServer((request, response) => {
    const { status, cut, content = wheel, whole } = serve;
    if (status !== undefined) return void response.writeHead(status).end();
    const from = whole ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    served.push(from);
    response.writeHead(from > 0 ? 206 : 200, from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {});
    if (cut === undefined) return void response.end(content.subarray(from));
    serve = { ...serve, cut: undefined };
    response.write(content.subarray(from, cut), () => setTimeout(() => response.destroy(), 20));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  cache = join(folder, `cache-${caches++}`);
  served = [];
  serve = {};
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

describe('provision', () => {
  it('makes the package out of the wheel, leaves nothing else, and says a second time that it is there', async () => {
    expect(await install()).toMatchObject({
      made: 'all',
      found: { folder: there(), package: 'tfjs-node', variant: 'cpu', from: 'cache_dir' },
    });
    expect(await readFile(there('deps', 'lib', 'libtensorflow.so'))).toEqual(Buffer.from(noise));
    expect(await readFile(there('deps', 'include', 'tensorflow', 'c', 'c_api.h'), 'utf8')).toBe('// header');
    expect(await readFile(there(ADDON), 'utf8')).toBe('made\n');
    expect((await readdir(there(), { recursive: true })).filter((path) => path.includes('unused') || path.includes('binding/'))).toEqual(
      [],
    );
    expect(readEngineRecord(there())).toMatchObject({
      variant: 'cpu',
      wheels: [{ file: pin.file, sha256: pin.sha256 }],
      kernels: { compiler: 'c++: tiny compiler 1.0' },
    });
    expect(kernelState({ folder: there() }, join(folder, 'kernels.cc'))).toMatchObject({
      state: 'ready',
      path: there('lib', 'kernels.so'),
    });
    expect(await left()).toEqual([[name()], []]);
    expect((await install({ pip: null, compiler: null })).made).toBe('nothing');
    expect(served).toEqual([0]);
    expect((await install({ force: true })).made).toBe('all');
    expect(served).toEqual([0, 0]);
    expect(await left()).toEqual([[name()], []]);
  });

  it('goes on where the connection broke', async () => {
    serve = { cut: 100_000 };
    expect((await install()).made).toBe('all');
    expect(served[0]).toBe(0);
    expect(served[1]).toBeGreaterThan(0);
    expect(served[1]).toBeLessThanOrEqual(100_000);
  });

  it('takes the whole file again from a server that knows no ranges', async () => {
    serve = { cut: 100_000, whole: true };
    expect((await install()).made).toBe('all');
    expect(served).toEqual([0, 0]);
  });

  it('keeps what has come when the user stops it, and the next command goes on from there', async () => {
    const interrupt = new AbortController();
    serve = { cut: 200_000 };
    const bytes = (_: string, done: number): void => void (done > 0 && interrupt.abort());
    await expect(install({ signal: interrupt.signal, watch: { phase: () => undefined, bytes } })).rejects.toThrow();
    expect(await left()).toEqual([[`${name()}.part`], [`${pin.file}.part`]]);
    serve = {};
    expect((await install()).made).toBe('all');
    expect(served.at(-1)).toBeGreaterThan(0);
  });

  it('refuses another file than the pinned one, and removes it', async () => {
    serve = { content: Uint8Array.from(wheel, (byte, i) => (i === 5000 ? byte ^ 1 : byte)) };
    await expect(install()).rejects.toEqual(
      refused('MDIFF_DAMAGED', new RegExp(`expected sha256 ${pin.sha256}, got [0-9a-f]{64}; it was removed`)),
    );
    expect(await left()).toEqual([[`${name()}.part`], []]);
    serve = { content: wheel.subarray(0, 1000) };
    await expect(install({ pins: [{ ...pin, size: 900 }] })).rejects.toEqual(
      refused('MDIFF_DAMAGED', /expected 900 bytes, got 1000 bytes/),
    );
  });

  it('leaves the file to pip where the address gives nothing to us, and where pip reports no address', async () => {
    const file = join(folder, pin.file);
    await writeFile(file, wheel);
    const script = (report: string): string =>
      pip(
        `[ "$3" = install ] && { ${report}; }\nwhile [ "$1" != --dest ]; do shift; done\nwhile IFS= read -r line; do :; done < /dev/null\n/bin/cp ${file} "$2"`,
      );
    serve = { status: 403 };
    expect(
      (await install({ pip: script(`echo '{"install": [{"download_info": {"url": "${address}/${pin.file}"}}]}'; exit 0`) })).made,
    ).toBe('all');
    expect(said.find((line) => line.includes('HTTP status 403'))).toContain('leaving');
    expect((await install({ force: true, pip: script('echo "no such option: --report" >&2; exit 2') })).made).toBe('all');
    expect(served).toEqual([]);
  });

  it.each([
    ['no pip', { pip: null }, 'MDIFF_PIP', /needs Python's pip, and none of these runs: .*; install Python 3 with pip/],
    ['no compiler', { compiler: null }, 'MDIFF_COMPILER', /needs a C\+\+ compiler, and none of these runs: .* apt install g\+\+/],
    [
      'no network',
      {
        pip: pip(
          'echo "WARNING: NewConnectionError: Failed to establish a new connection" >&2\necho "ERROR: No matching distribution" >&2\nexit 1',
        ),
      },
      'MDIFF_NETWORK',
      /pip cannot reach its package index \("Failed to establish a new connection"\); connect to the network/,
    ],
    [
      'an index without it',
      { pip: pip('echo "ERROR: No matching distribution" >&2\nexit 1') },
      'MDIFF_PIP',
      /pip cannot get tiny.* \("No matching distribution"\); check the index/,
    ],
    [
      'another processor',
      { platform: { platform: 'linux', arch: 'arm64', glibc: true } },
      'MDIFF_PLATFORM',
      /expected Linux on x64 with glibc, got linux arm64; train with engine "onnxruntime"/,
    ],
    ['no room', { pins: [{ ...pin, size: 1e17 }] }, 'MDIFF_WRITE', /too little space \([\d,]+ MB needed, [\d,]+ MB free\)/],
  ] as const)('says in one line what to do: %s', async (_, options, code, pattern) => {
    await expect(install(options as Try)).rejects.toEqual(refused(code, pattern));
    expect((await left())[0]).not.toContain(name());
  });

  it('keeps the wheel when the addon does not compile or does not work', async () => {
    const broken = compiler('case "$*" in *tfjs_backend*) echo "x.cc:1: error: no such thing" >&2; exit 1;; esac');
    await expect(install({ compiler: broken })).rejects.toEqual(
      refused(
        'MDIFF_COMPILER',
        /cannot compile tfjs-node's addon \("x\.cc:1: error: no such thing"\); the whole output is in .*compile\.log/,
      ),
    );
    await expect(install({ check: () => Promise.reject(new Error('off by 1')) })).rejects.toThrow('off by 1');
    expect(await left()).toEqual([[`${name()}.part`], [pin.file]]);
    expect((await install()).made).toBe('all');
    expect(served).toEqual([0]);
  });

  it('goes on without fused kernels that do not compile or do not load, and compiles them later, without a download', async () => {
    const without = compiler('case "$*" in *kernels.cc*) echo "kernels.cc:1: error: unknown register" >&2; exit 1;; esac');
    expect((await install({ compiler: without })).made).toBe('all');
    expect(said.at(-1)).toBe('without fused kernels, which make training faster: kernels.cc:1: error: unknown register');
    expect(kernelState({ folder: there() }, join(folder, 'kernels.cc'))).toEqual({
      state: 'failed',
      reason: 'kernels.cc:1: error: unknown register',
    });

    const crash = (_: unknown, library?: string): Promise<void> =>
      library === undefined ? Promise.resolve() : Promise.reject(new Error('ended with SIGILL'));
    expect((await install({ check: crash })).made).toBe('nothing');
    expect(readEngineRecord(there())!.kernels!.problem).toBe('ended with SIGILL');
    expect((await readdir(there('lib'))).sort()).toEqual(['napi-v8', 'quiet.node']);

    expect((await install({ pip: null })).made).toBe('kernels');
    expect(kernelState({ folder: there() }, join(folder, 'kernels.cc')).state).toBe('ready');
    expect(await left()).toEqual([[name()], []]);
    expect(served).toEqual([0]);
  });

  it('compiles fused kernels with the flags of CXXFLAGS after its own', async () => {
    const wants = compiler(
      `case "$*" in *"-march=native "*" -march=x86-64-v3 -g "*kernels.cc*) ;; *kernels.cc*) echo "error: $*" >&2; exit 1;; esac`,
    );
    expect((await install({ compiler: wants, flags: ' -march=x86-64-v3  -g' })).made).toBe('all');
    expect(kernelState({ folder: there() }, join(folder, 'kernels.cc')).state).toBe('ready');
  });

  it('knows kernels of another source or another processor, and makes them anew', async () => {
    await install();
    const other = join(folder, 'other.cc');
    await writeFile(other, '// other kernels');
    expect(kernelState({ folder: there() }, other).state).toBe('outdated');
    expect(kernelState({ folder: there() }, join(folder, 'kernels.cc'), ['sse2'])).toMatchObject(
      readEngineRecord(there())!.kernels!.sets.length > 1 ? { state: 'foreign' } : { state: 'ready' },
    );
    expect((await install({ kernels: other, pip: null })).made).toBe('kernels');
    expect(kernelState({ folder: there() }, other).state).toBe('ready');
    expect((await install({ kernels: other, pip: null, compiler: null })).made).toBe('nothing');
  });

  it('puts the libraries of CUDA where the library of TensorFlow looks for them', async () => {
    const cublas = zipSync({
      'nvidia/cublas/lib/libcublas.so.12': Buffer.from('cublas'),
      'nvidia/cuda_nvcc/bin/ptxas': [Buffer.from('ptxas'), { os: 3, attrs: (0o100755 << 16) >>> 0 }],
      'nvidia/cublas/include/cublas.h': Buffer.from('unused'),
    });
    const more: Pin = {
      distribution: 'tiny-cublas',
      version: '1.0',
      file: 'tiny_cublas-1.0-py3-none-any.whl',
      size: cublas.length,
      sha256: sha256(cublas),
    };
    await writeFile(join(folder, more.file), cublas);
    await writeFile(join(folder, pin.file), wheel);
    const urls = [pin, more].map(({ file }) => ({ download_info: { url: pathToFileURL(join(folder, file)).href } }));
    const { found } = await install({ variant: 'cuda', pins: [pin, more], pip: pip(`echo '${JSON.stringify({ install: urls })}'`) });
    expect(found).toMatchObject({ package: 'tfjs-node-gpu', variant: 'cuda' });
    expect(
      (await readdir(join(found.folder, 'deps'), { recursive: true, withFileTypes: true }))
        .filter((one) => one.isFile())
        .map(({ name: one }) => one)
        .sort(),
    ).toEqual(['c_api.h', 'libcublas.so.12', 'libtensorflow_cc.so.2', 'libtensorflow_framework.so.2', 'ptxas']);
    expect(await readFile(join(found.folder, 'deps', 'nvidia', 'cublas', 'lib', 'libcublas.so.12'), 'utf8')).toBe('cublas');
    expect((await stat(join(found.folder, 'deps', 'nvidia', 'cuda_nvcc', 'bin', 'ptxas'))).mode & 0o111).toBe(0o111);
    expect(readEngineRecord(found.folder)!.wheels).toHaveLength(2);
  });

  it('is one at a time', async () => {
    const second: { error?: unknown } = {};
    const meanwhile = async (): Promise<void> => void (await install({ force: true }).catch((error: unknown) => (second.error = error)));
    await install({ check: meanwhile });
    expect(second.error).toEqual(refused('MDIFF_LOCKED', /: another installation \(pid \d+\) is using this folder; wait for it$/));
  });
});

describe('the pins', () => {
  it('are whole, and of files that pip would name so', () => {
    for (const { distribution, version, file, size, sha256: hash } of Object.values(pinned).flat()) {
      expect(file.startsWith(`${distribution.replaceAll('-', '_')}-${version}-`) && file.endsWith('.whl')).toBe(true);
      expect(hash).toMatch(/^[0-9a-f]{64}$/);
      expect(size).toBeGreaterThan(1e6);
    }
    expect(megabytes(pinned.cpu[0]!.size)).toBe('274 MB');
  });

  it('are for Linux on x64', () => {
    expect(() => checkPlatform('mdiff', { platform: 'linux', arch: 'x64', glibc: false })).toThrow('got linux x64 without glibc');
    expect(() => checkPlatform('mdiff', { platform: 'darwin', arch: 'arm64', glibc: false })).toThrow('got darwin arm64;');
  });
});
