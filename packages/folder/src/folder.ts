// Reads and checks a model folder.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ModelError } from './errors.js';

const FORMAT_VERSION = 1;
/** What this package reads; a folder may hold more. */
const NEEDED = ['config.json', 'tokenizer.json', 'generation_config.json', 'onnx/model.onnx'];

/**
 * `config.json` of a model folder: the keys of the configuration's section `model`, of which a reader of the graph needs these, and what
 * it needs beside them.
 */
export interface ModelFolderConfig {
  readonly model_type: 'mdiff';
  readonly format_version: 1;
  readonly vocab_size: number;
  readonly max_seq_len: number;
  readonly shift_head: boolean;
  readonly mask_token_id: number;
  readonly pad_token_id: number;
  readonly bos_token_id: number;
  readonly eos_token_id: number;
  readonly sep_token_id: number;
  readonly experiment_name?: string;
  readonly [key: string]: unknown;
}

export interface ModelFolder {
  /** Absolute path. */
  readonly path: string;
  /** For people and for `GET /v1/models`: the experiment's name, else the folder's. */
  readonly name: string;
  /** Seconds since 1970, from the manifest. */
  readonly created: number;
  readonly config: ModelFolderConfig;
  /** The keys of the configuration's section `generation`. */
  readonly generation: Readonly<Record<string, unknown>>;
  /** Text of `tokenizer.json`. */
  readonly tokenizer: string;
  /** Path of the ONNX graph. */
  readonly graph: string;
}

interface ManifestFile {
  path: string;
  size: number;
  sha256: string;
}

/**
 * Reads a model folder. Sizes in `manifest.json` are always compared; hashes unless `verify` is false.
 * Throws {@link ModelError} naming the file, what was expected and what was found.
 */
export async function readFolder(folder: string, { verify = true }: { verify?: boolean } = {}): Promise<ModelFolder> {
  const path = resolve(folder);
  const info = await stat(path).catch(() => null);
  if (info === null) throw new ModelError(`${folder}: expected a model folder, got nothing at this path; give the folder that training wrote (…/model)`);
  if (!info.isDirectory()) throw new ModelError(`${folder}: expected a model folder, got a file; give the folder that contains it`);
  if (!(await stat(join(path, 'manifest.json')).catch(() => null))) {
    const hint = (await stat(join(path, 'model', 'manifest.json')).catch(() => null)) ? `did you mean ${join(folder, 'model')}?` : 'give the folder that training wrote (…/model)';
    throw new ModelError(`${folder}: expected a model folder, got a folder without manifest.json; ${hint}`);
  }
  const manifest = await readRecord(path, 'manifest.json');
  checkVersion(path, 'manifest.json', manifest['format_version']);
  const files = manifestFiles(path, manifest['files']);
  for (const needed of NEEDED) {
    if (!files.some((file) => file.path === needed)) throw damaged(path, 'manifest.json', `an entry for ${needed}`, 'none');
  }
  for (const file of files) await checkFile(path, file, verify);

  const config = checkConfig(path, await readRecord(path, 'config.json'));
  const own = basename(path);
  return {
    path,
    name: config.experiment_name ?? (own === 'model' ? basename(dirname(path)) : own),
    created: Math.floor(Date.parse(String(manifest['created'])) / 1000) || 0,
    config,
    generation: await readRecord(path, 'generation_config.json'),
    tokenizer: await readText(path, 'tokenizer.json'),
    graph: join(path, 'onnx/model.onnx'),
  };
}

const damaged = (folder: string, file: string, expected: string, got: string): ModelError =>
  new ModelError(`${join(folder, file)}: expected ${expected}, got ${got}; export the model again or copy the folder again`);

function readText(folder: string, file: string): Promise<string> {
  return readFile(join(folder, file), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw damaged(folder, file, 'a readable file', error.code === 'ENOENT' ? 'nothing' : String(error.code));
  });
}

async function readRecord(folder: string, file: string): Promise<Record<string, unknown>> {
  const text = await readText(folder, file);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Falls through to the same report: text that is not JSON and JSON of another shape are equally unusable.
  }
  throw damaged(folder, file, 'a JSON object', text.length === 0 ? 'an empty file' : 'something else');
}

function checkVersion(folder: string, file: string, version: unknown): void {
  if (version === FORMAT_VERSION) return;
  const hint = typeof version === 'number' && version > FORMAT_VERSION ? 'use a newer mdiff' : 'export the model again';
  throw new ModelError(`${join(folder, file)}: expected format_version ${FORMAT_VERSION}, got ${JSON.stringify(version) ?? 'nothing'}; ${hint}`);
}

function manifestFiles(folder: string, value: unknown): ManifestFile[] {
  const wrong = () => damaged(folder, 'manifest.json', 'files as a list of { path, size, sha256 } inside the folder', 'something else');
  if (!Array.isArray(value)) throw wrong();
  return value.map((entry: Partial<ManifestFile> | null) => {
    const inside = typeof entry?.path === 'string' && !/^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)|\0/.test(entry.path);
    if (!inside || typeof entry.size !== 'number' || typeof entry.sha256 !== 'string') throw wrong();
    return entry as ManifestFile;
  });
}

async function checkFile(folder: string, file: ManifestFile, verify: boolean): Promise<void> {
  const info = await stat(join(folder, file.path)).catch(() => null);
  if (info === null || !info.isFile()) throw damaged(folder, file.path, `a file of ${file.size} bytes (manifest.json)`, 'nothing');
  if (info.size !== file.size) throw damaged(folder, file.path, `${file.size} bytes (manifest.json)`, `${info.size}`);
  if (!verify) return;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(join(folder, file.path))) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  if (found !== file.sha256) throw damaged(folder, file.path, `sha256 ${file.sha256.slice(0, 12)}… (manifest.json)`, `${found.slice(0, 12)}…`);
}

function checkConfig(folder: string, config: Record<string, unknown>): ModelFolderConfig {
  if (config['model_type'] !== 'mdiff') throw damaged(folder, 'config.json', 'model_type "mdiff"', JSON.stringify(config['model_type']) ?? 'nothing');
  checkVersion(folder, 'config.json', config['format_version']);
  for (const key of ['vocab_size', 'max_seq_len', 'mask_token_id', 'pad_token_id', 'bos_token_id', 'eos_token_id', 'sep_token_id']) {
    const value = config[key];
    if (!Number.isInteger(value) || (value as number) < 0) throw damaged(folder, 'config.json', `${key} as an integer >= 0`, JSON.stringify(value) ?? 'nothing');
  }
  if (typeof config['shift_head'] !== 'boolean') throw damaged(folder, 'config.json', 'shift_head as true or false', JSON.stringify(config['shift_head']) ?? 'nothing');
  return config as unknown as ModelFolderConfig;
}
