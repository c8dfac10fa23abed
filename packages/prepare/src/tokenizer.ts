import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigError, startup } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { MdiffError, describeFault, places } from '@mdiff/folder';
import { readBase, sha256, sweep, writeFileWhole } from '@mdiff/folder/node';
import { Tokenizer } from '@mdiff/text';
import type { Section } from '@mdiff/text';
import { compressGpt2, trainBpe } from '@mdiff/text/node';

const builders = {
  bpe: { build: trainBpe, description: 'byte-level BPE' },
  gpt2_compressed: { build: compressGpt2, description: "GPT-2's vocabulary, cut to the training text," },
};

/** Says which tokenizer `tokenizerFor` gives. */
export const describeTokenizer = ({ tokenizer: { path, type }, model }: ProjectConfig): string =>
  path ??
  (model.init_from === null ? undefined : `the tokenizer of ${model.init_from}`) ??
  `${builders[type].description} of at most ${model.vocab_size} tokens`;

/** The tokenizer of the configuration: the given one, else from the cache, else built from the training text. */
export async function tokenizerFor(config: ProjectConfig, train: readonly Section[], signal?: AbortSignal): Promise<Tokenizer> {
  const corpus = (): string[] => train.map(({ paragraphs }) => paragraphs.map(({ text }) => text).join('\n'));
  return (
    (await givenTokenizer(config)) ??
    learntTokenizer(config, corpus(), { corpus: () => Promise.resolve(corpus()), ...(signal && { signal }) })
  );
}

/** The tokenizer that the configuration names: `tokenizer.path`, or that of `model.init_from`; undefined where one is learnt from the text. */
export async function givenTokenizer(config: ProjectConfig): Promise<Tokenizer | undefined> {
  const { path } = config.tokenizer;
  if (path !== null) return tokenizerAt(path, config);
  const { init_from } = config.model;
  return init_from === null ? undefined : Tokenizer.fromJson((await readBase(init_from)).tokenizer);
}

/** The tokenizer that the cache has for a text, else one built from it. `identity` decides which text it is. */
export async function learntTokenizer(
  config: ProjectConfig,
  identity: unknown,
  { corpus, signal }: { corpus: () => Promise<string[]>; signal?: AbortSignal },
): Promise<Tokenizer> {
  const { type } = config.tokenizer;
  const limit = config.model.vocab_size;
  const key = sha256(JSON.stringify([type, 1, limit, identity])).slice(0, 32);
  const cachePath = join(config.cache_dir, 'tokenizers', `${key}.json`);
  const cached = await readCached(cachePath);
  if (cached !== undefined) return Tokenizer.fromJson(cached);
  const { tokenizer } = await builders[type].build(await corpus(), { vocabSize: limit, ...(signal && { signal }) });
  const text = JSON.stringify(tokenizer.toJson());
  await sweep(dirname(cachePath), { ours: true });
  await writeFileWhole(cachePath, JSON.stringify({ sum: sha256(text), tokenizer: text }), places.cache);
  return tokenizer;
}

/** The text of a tokenizer that an earlier run has learnt; undefined where there is none, or a damaged one, which is learnt again. */
async function readCached(path: string): Promise<string | undefined> {
  try {
    const { sum, tokenizer } = JSON.parse(await readFile(path, 'utf8')) as { sum: string; tokenizer: string };
    return sha256(tokenizer) === sum ? tokenizer : undefined;
  } catch {
    return undefined;
  }
}

/** The tokenizer in a file, which has to fit the model. */
async function tokenizerAt(path: string, config: ProjectConfig): Promise<Tokenizer> {
  const remedy = 'set tokenizer.path to the tokenizer.json of a run or of a model folder, or to null to learn a tokenizer from the text';
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new MdiffError(
      'MDIFF_TOKENIZER',
      `tokenizer.path: cannot read ${JSON.stringify(path)}: ${describeFault(error, { task: 'read', place: { again: 'try again', elsewhere: remedy } }) ?? error.message}`,
      2,
    );
  });
  const tokenizer = parse(text, path, remedy);
  if (tokenizer.vocabSize > config.model.vocab_size) throw new ConfigError([startup.tokenizerTooLarge(config, tokenizer.vocabSize)]);
  if (tokenizer.special.mask !== config.model.mask_token_id) throw new ConfigError([startup.maskElsewhere(config, tokenizer.special.mask)]);
  return tokenizer;
}

function parse(text: string, path: string, remedy: string): Tokenizer {
  try {
    return Tokenizer.fromJson(text);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code !== 'MDIFF_TOKENIZER') throw error;
    // The message of @mdiff/text ends with another remedy.
    const reason = message.replace(/^tokenizer\.json: /, '').split('; ')[0]!;
    throw new MdiffError('MDIFF_TOKENIZER', `tokenizer.path: mdiff cannot use ${JSON.stringify(path)}: ${reason}; ${remedy}`, 2, {
      cause: error,
    });
  }
}
