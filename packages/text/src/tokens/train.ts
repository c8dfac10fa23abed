import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { mustBe, mustKnow } from '@mdiff/arguments';
import { diskError, places } from '@mdiff/folder';
import { TextError } from '../error.js';
import { MIN_VOCAB, Tokenizer } from './tokenizer.js';

export interface LearnOptions {
  /** largest size, reserved ids (5) and bytes (256) included */
  vocabSize: number;
  /** aborting it ends the learning with the signal's reason */
  signal?: AbortSignal;
}

export interface TrainedTokenizer {
  tokenizer: Tokenizer;
  /** Size of its vocabulary, reserved ids included. */
  reached: number;
  /** True when the text supports fewer merges than `vocabSize` asked for. */
  clamped: boolean;
}

// The native trainer writes blank lines to stdout and blocks its thread for seconds on a large text, so it runs in a process of its own.
const CHILD = `
const [, module, input, output] = process.argv;
const { BPE, Tokenizer, byteLevelPreTokenizer } = require(module);
const tokenizer = new Tokenizer(BPE.empty());
tokenizer.setPreTokenizer(byteLevelPreTokenizer(false, true));
tokenizer.train([input]);
tokenizer.save(output);
`;

/**
 * Learns a byte-level BPE (Sennrich et al. 2016; Radford et al. 2019) from `texts`. The native trainer always learns up to 30,000 merges; BPE is
 * greedy, so its first k merges are exactly those of a vocabulary of that size. The same texts give the same ids.
 *
 * @throws RangeError for a size below 261; TextError when the texts are empty or the native trainer cannot run here
 */
export async function trainBpe(texts: Iterable<string>, options: LearnOptions): Promise<TrainedTokenizer> {
  mustBe('trainBpe', 'texts', texts, 'object');
  mustBe('trainBpe', 'options', options, 'object');
  mustKnow('trainBpe', options, { vocabSize: true, signal: true } satisfies Record<keyof LearnOptions, true>);
  const { vocabSize, signal } = options;
  const corpus = checkCorpus(texts, vocabSize).join('\n');
  let folder: string | undefined;
  try {
    folder = await mkdtemp(join(tmpdir(), 'mdiff-bpe-'));
    const input = join(folder, 'corpus.txt');
    const output = join(folder, 'tokenizer.json');
    await writeFile(input, corpus);
    await learn(input, output, signal);
    const { model } = JSON.parse(await readFile(output, 'utf8')) as { model: { merges: [string, string][] } };
    const tokenizer = Tokenizer.fromMerges(cut(model.merges, vocabSize - MIN_VOCAB));
    return { tokenizer, reached: tokenizer.vocabSize, clamped: tokenizer.vocabSize < vocabSize };
  } catch (error) {
    throw diskError(tmpdir(), error, { task: 'write', place: places.temporary });
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Checks that `vocabSize` ids can be learnt from the texts. @throws as `trainBpe` does */
export function checkCorpus(texts: Iterable<string>, vocabSize: number): string[] {
  if (!Number.isInteger(vocabSize) || vocabSize < MIN_VOCAB) {
    throw new RangeError(`expected vocabSize >= ${MIN_VOCAB} (5 reserved ids and 256 bytes), got ${vocabSize}`);
  }
  const corpus = [...texts];
  if (corpus.every((text) => text.trim() === ''))
    throw new TextError('tokenizer: expected text to learn from, got none; check data.source');
  return corpus;
}

/** The merges that make the first `size` tokens; two merges can spell the same one. */
function cut(merges: readonly [string, string][], size: number): [string, string][] {
  const tokens = new Set<string>();
  const end = merges.findIndex(([left, right]) => tokens.add(left + right).size > size);
  return end < 0 ? [...merges] : merges.slice(0, end);
}

function learn(input: string, output: string, signal?: AbortSignal): Promise<void> {
  const module = createRequire(import.meta.url).resolve('tokenizers');
  // execArgv may carry a TypeScript loader or an inspector port; the child needs neither.
  const child = spawn(process.execPath, ['-e', CHILD, module, input, output], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
    ...(signal && { signal, killSignal: 'SIGKILL' }),
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-2000)));
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(signal?.aborted ? (signal.reason as Error) : error));
    child.on('close', (status) => {
      if (status === 0) return resolve();
      const reason = /^\w*Error: (.*)$/m.exec(stderr)?.[1] ?? stderr.trim().split('\n').pop() ?? '';
      reject(
        new TextError(
          `tokenizer: the native trainer "tokenizers" failed with status ${status} (${reason}); install it for this platform or set tokenizer.path`,
        ),
      );
    });
  });
}
