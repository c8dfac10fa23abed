import type { ProjectConfig } from '@mdiff/config';
import type { Embedding } from '@mdiff/curriculum/scores';
import { MdiffError } from '@mdiff/folder';
import { Tokenizer } from '@mdiff/text';
import { readBytes } from '@mdiff/text/node';
import { encoderOf } from './embed.js';
import { bytesOf } from './helper.js';
import type { EncoderName, Part } from './helper.js';
import { pauses } from './pause.js';
import { openThreads } from './scoring.js';
import { entriesOf } from './shelf/fill.js';

// The side of a helper: it does parts of the work of another process with the threads and the encoder of its own machine, and writes no file.

export interface Help {
  run(part: Part, bytes: Uint8Array): Promise<Uint8Array[]>;
  close(): Promise<void>;
}

/** Threads and encoder are opened by the first part that needs them. */
export function openHelp(config: ProjectConfig, threads: number): Help {
  const pause = pauses();
  const pool = openThreads(threads);
  let tokenizer: Tokenizer | undefined;
  let folder: Promise<string> | undefined;

  return {
    run: async (part, bytes) => {
      switch (part.op) {
        case 'tokenizer':
          tokenizer = Tokenizer.fromJson(Buffer.from(bytes).toString('utf8'));
          return [];
        case 'file':
          return entriesOf(await readBytes(bytes, part.where, part.format), part, { tokenizer, pause });
        case 'parse':
          return [bytesOf(await pool.run<Float32Array>('parse', part.sentences))];
        case 'embed':
          folder ??= sameEncoder(config, part.encoder);
          return [bytesOf((await pool.run<Embedding>('embed', { folder: await folder, sentences: part.sentences }, { first: true })).data)];
      }
    },
    close: () => pool.close(),
  };
}

/** The folder of the encoder here. @throws MdiffError MDIFF_EMBEDDINGS if it has other files, or none */
async function sameEncoder(config: ProjectConfig, { name, version }: EncoderName): Promise<string> {
  const own = await encoderOf(config, name);
  if (own?.version === version) return own.folder;
  throw new MdiffError(
    'MDIFF_EMBEDDINGS',
    `the sentence encoder "${name}" (curriculum.embedding_model) is ${own ? 'another one' : 'not there'}: give every machine the same files`,
  );
}
