import { TextError } from '../error.js';
import { BYTE_CHARS, bytesOf } from './bytes.js';
import { mergeTable, SLICE, type MergeTable } from './merge.js';

/** The reserved ids, which no text encodes to. They come first in every vocabulary of mdiff. */
export const SPECIAL = { mask: 0, pad: 1, bos: 2, eos: 3, sep: 4 } as const;

/** Contents of the reserved ids, in id order. */
export const SPECIAL_TOKENS = ['[MASK]', '[PAD]', '[BOS]', '[EOS]', '[SEP]'] as const;

/** The smallest vocabulary: reserved ids and one token per byte. */
export const MIN_VOCAB = SPECIAL_TOKENS.length + 256;

// GPT-2's pre-tokenizer pattern. JavaScript's \s holds U+FEFF and lacks U+0085; Unicode White_Space, which Hugging Face's
// regular expressions use, is the other way round. With \s the ids would differ on both characters.
const WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

// Words repeat. The cache holds this many distinct ones before it starts over, which bounds memory on endless input.
const CACHE_WORDS = 65_536;
const CACHE_CHARS = 64;

const LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

// ignoreBOM keeps a leading U+FEFF, which is text here.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** The keys of a Hugging Face `tokenizer.json` that a byte-level BPE needs. */
export interface TokenizerJson {
  version: string;
  truncation: null;
  padding: null;
  added_tokens: { id: number; content: string; [key: string]: unknown }[];
  normalizer: null;
  pre_tokenizer: { type: string; add_prefix_space: boolean; [key: string]: unknown };
  post_processor: null;
  decoder: { type: string; [key: string]: unknown };
  model: { type: string; vocab: Record<string, number>; merges: ([string, string] | string)[]; [key: string]: unknown };
}

/**
 * Byte-level BPE: encodes any string to ids and decodes them. Reads no files and trains nothing; runs in a browser.
 * Reserved tokens are vocabulary entries that no merge reaches, so "[MASK]" in a text is six ordinary characters.
 */
const NONE = new Uint8Array(0);

export class Tokenizer {
  readonly vocabSize: number;
  /** bytes of the longest token: a text has at least its characters divided by this many tokens */
  readonly longest: number;
  readonly special = SPECIAL;
  readonly #json: TokenizerJson;
  readonly #merges: MergeTable;
  readonly #byteIds: Int32Array;
  readonly #idBytes: (Uint8Array | undefined)[];
  #cache = new Map<string, Int32Array>();

  private constructor({ json, idBytes, merges }: Parts) {
    const vocab = json.model.vocab;
    this.#json = json;
    this.vocabSize = idBytes.length;
    this.#byteIds = Int32Array.from(BYTE_CHARS, (char) => vocab[char]!);
    this.#merges = merges;
    this.#idBytes = idBytes;
    this.longest = idBytes.reduce((longest, bytes) => Math.max(longest, bytes?.length ?? 0), 1);
  }

  /**
   * Drops the settings that would give other ids for some text: truncation, padding, dropout, tokens added around a text, reserved tokens found in it.
   *
   * @param json text or parsed contents of a `tokenizer.json` holding a byte-level BPE with the reserved ids 0–4 and all 256 bytes
   * @throws TextError (`MDIFF_TOKENIZER`) that names the first thing that is missing
   */
  static fromJson(json: string | TokenizerJson): Tokenizer {
    const parts = partsOf(json);
    for (;;) {
      const { done, value } = parts.next();
      if (done) return new Tokenizer(value);
    }
  }

  /** As `fromJson`, in slices of a few milliseconds with a pause between them, so that an event loop is not held up for some 100 ms. */
  static async fromJsonInSlices(json: string | TokenizerJson, pause: () => Promise<void>): Promise<Tokenizer> {
    const parts = partsOf(json);
    for (;;) {
      const { done, value } = parts.next();
      if (done) return new Tokenizer(value);
      await pause();
    }
  }

  /** Builds a tokenizer from its merges, in rank order; ids follow from them. Each merge must join tokens that exist by then. */
  static fromMerges(merges: readonly (readonly [string, string])[]): Tokenizer {
    const vocab: Record<string, number> = {};
    for (const token of [...SPECIAL_TOKENS, ...[...BYTE_CHARS].sort()]) vocab[token] = Object.keys(vocab).length;
    let size = MIN_VOCAB;
    for (const [left, right] of merges) if (!Object.hasOwn(vocab, left + right)) vocab[left + right] = size++;
    return Tokenizer.fromJson({
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: LEVEL,
      post_processor: null,
      decoder: LEVEL,
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab,
        merges: merges.map(([left, right]) => [left, right]),
      },
    });
  }

  /** Ids of `text`, reserved ids never among them. A lone surrogate is read as U+FFFD. */
  encode(text: string): Int32Array {
    const parts: Int32Array[] = [];
    let length = 0;
    for (const [word] of text.matchAll(WORDS)) {
      const ids = this.#word(word);
      parts.push(ids);
      length += ids.length;
    }
    const out = new Int32Array(length);
    let offset = 0;
    for (const part of parts) {
      out.set(part, offset);
      offset += part.length;
    }
    return out;
  }

  /**
   * Text of `ids`. Reserved ids are dropped; bytes that form no UTF-8 character (a sequence cut short) become U+FFFD.
   * @throws RangeError for an id outside the vocabulary
   */
  decode(ids: ArrayLike<number>): string {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (let i = 0; i < ids.length; i++) {
      const bytes = this.bytes(ids[i]!);
      parts.push(bytes);
      length += bytes.length;
    }
    const out = new Uint8Array(length);
    let offset = 0;
    for (const part of parts) {
      out.set(part, offset);
      offset += part.length;
    }
    return decoder.decode(out);
  }

  /**
   * UTF-8 bytes of one token, which may be a part of a character; none for a reserved id.
   * @throws RangeError for an id outside the vocabulary
   */
  bytes(id: number): Uint8Array {
    if (id >= 0 && id < SPECIAL_TOKENS.length) return NONE;
    const bytes = this.#idBytes[id];
    if (!bytes) throw new RangeError(`token id ${id} is outside the vocabulary of ${this.vocabSize}`);
    return bytes;
  }

  /** The `tokenizer.json` that Hugging Face `tokenizers` loads with the same ids. */
  toJson(): TokenizerJson {
    return structuredClone(this.#json);
  }

  #word(word: string): Int32Array {
    const cached = this.#cache.get(word);
    if (cached) return cached;
    const bytes = encoder.encode(word);
    const ids = this.#merges.apply(Int32Array.from(bytes, (byte) => this.#byteIds[byte]!));
    if (word.length <= CACHE_CHARS) {
      if (this.#cache.size >= CACHE_WORDS) this.#cache = new Map();
      this.#cache.set(word, ids);
    }
    return ids;
  }
}

interface Parts {
  json: TokenizerJson;
  /** by id; undefined for the reserved ones */
  idBytes: (Uint8Array | undefined)[];
  merges: MergeTable;
}

/** Checks a `tokenizer.json` and makes the tables of a tokenizer; yields between slices of the work. */
function* partsOf(source: string | TokenizerJson): Generator<void, Parts> {
  const fail = (message: string) =>
    new TextError(`tokenizer.json: ${message}; train one with mdiff or use a byte-level BPE with these ids`, 'MDIFF_TOKENIZER');
  let json: TokenizerJson;
  try {
    json = typeof source === 'string' ? (JSON.parse(source) as TokenizerJson) : structuredClone(source);
  } catch {
    throw new TextError(
      'tokenizer.json: expected JSON, got something else; restore the file or train the tokenizer again',
      'MDIFF_TOKENIZER',
    );
  }
  yield;
  const { model, pre_tokenizer: pre } = json ?? {};
  if (model?.type !== 'BPE' || !model.vocab || !Array.isArray(model.merges))
    throw fail(`expected model.type "BPE" with a vocabulary and merges, got "${model?.type}"`);
  if (pre?.type !== 'ByteLevel' || pre.add_prefix_space || pre['use_regex'] === false)
    throw fail('expected pre_tokenizer "ByteLevel" without a prefix space');
  if (json.normalizer) throw fail('expected no normalizer (text must come back unchanged)');
  if (model['ignore_merges'] === true || model['continuing_subword_prefix'] || model['end_of_word_suffix'])
    throw fail('expected plain BPE merges, got options that change them');
  SPECIAL_TOKENS.forEach((token, id) => {
    const got = model.vocab[token];
    if (got !== id) throw fail(`expected "${token}" at id ${id}, got ${got === undefined ? 'nothing' : String(got)}`);
  });
  const missing = BYTE_CHARS.findIndex((char) => !Object.hasOwn(model.vocab, char));
  if (missing >= 0) throw fail(`expected a token for each of the 256 bytes, byte ${missing} has none`);
  const added = (json.added_tokens ?? []).find(({ id, content }) => SPECIAL_TOKENS[id] !== content);
  if (added) throw fail(`expected no added tokens beside the reserved ones, got "${added.content}"`);
  const idBytes = yield* bytesById(model.vocab, fail);
  return {
    idBytes,
    merges: yield* mergeTable(model.vocab, model.merges),
    json: {
      ...json,
      truncation: null,
      padding: null,
      added_tokens: [],
      post_processor: null,
      decoder: LEVEL,
      model: { ...model, dropout: null },
    },
  };
}

/** The bytes of each token by its id. Throws where ids are not 0 to n − 1, or a token holds a character that is no byte. */
function* bytesById(
  vocab: Readonly<Record<string, number>>,
  fail: (message: string) => Error,
): Generator<void, (Uint8Array | undefined)[]> {
  const tokens = Object.keys(vocab);
  const seen = new Uint8Array(tokens.length);
  const bytes = new Array<Uint8Array | undefined>(tokens.length);
  let wrong: string | undefined;
  for (const [i, token] of tokens.entries()) {
    if (i % SLICE === SLICE - 1) yield;
    const id = vocab[token]!;
    if (!Number.isInteger(id) || id < 0 || id >= tokens.length || seen[id])
      throw fail(`expected ids 0 to ${tokens.length - 1}, each once, got ${String(id)} twice or out of range`);
    seen[id] = 1;
    if (id < SPECIAL_TOKENS.length) continue;
    bytes[id] = bytesOf(token);
    if (bytes[id] === undefined) wrong ??= token;
  }
  if (wrong !== undefined) throw fail(`expected tokens made of byte characters, got "${wrong}"`);
  return bytes;
}
