import { readFile } from 'node:fs/promises';
import type { ProjectConfig } from '@mdiff/config';
import { readBase, sha256 } from '@mdiff/folder/node';
import { visitSource } from '@mdiff/text/node';
import { embedderOf } from './embed.js';

/** What a run reads, each by a hash of its content; null where it reads none. */
export interface SourceDigests {
  text: string;
  heldOut: string | null;
  tokenizer: string | null;
  /** the encoder that scores a text, or what stands for it */
  embedder: string;
  base: string | null;
}

/** Digests of the files that decide what a run learns, wherever they lie: machines that give the same ones train the same runs. */
export async function digestSources(config: ProjectConfig): Promise<SourceDigests> {
  const { data, data_dir, tokenizer, model } = config;
  const digestOf = async (source: string, key: 'data.source' | 'data.val_source'): Promise<string> => {
    const files = source.startsWith('builtin:') ? [source] : [];
    await visitSource(source, { dataDir: data_dir, cwd: process.cwd(), format: data.format, key }, ({ bytes, format }) => {
      files.push(`${format} ${sha256(bytes)}`);
      return Promise.resolve();
    });
    return sha256(files.join('\n'));
  };
  // The vectors that need no files come with this version of mdiff.
  const learnt = { name: 'tfidf-svd', version: '', embed: () => Promise.reject(new Error('it is only named here')) };
  const embedder = await embedderOf(config, () => learnt).then(
    ({ embedder: { name, version } }) => `${name} ${version}`,
    () => 'absent', // a run that needs it says so
  );
  return {
    text: await digestOf(data.source, 'data.source'),
    heldOut: data.val_source === null ? null : await digestOf(data.val_source, 'data.val_source'),
    tokenizer: tokenizer.path === null ? null : sha256(await readFile(tokenizer.path)),
    embedder,
    base: model.init_from === null ? null : (await readBase(model.init_from)).sha256,
  };
}
