// The page asks these things of a model, which runs behind HTTP (remote.ts) or in this browser.
import type { Frame } from './frames.js';
import type { Request } from './request.js';
import type { PageModel } from './settings.js';

export interface Written {
  /** the whole text: what was given and what was written */
  readonly text: string;
  readonly seed: number;
  readonly nfe?: number;
}

export interface WordScore {
  readonly text: string;
  readonly nats: number;
}

export interface Scored {
  readonly tokens: number;
  readonly bits_per_byte: number;
  readonly bits_per_byte_error: number | null;
  /** absent where nobody asked for them */
  readonly words?: readonly WordScore[];
}

export interface WriteOptions {
  readonly signal: AbortSignal;
  /** called after each step */
  readonly onFrame: (frame: Frame) => void;
}

export interface ScoreQuestion {
  readonly model: string;
  readonly text: string;
  /** the likelihood of each word, which takes a pass for each token */
  readonly words: boolean;
}

/** A site says this of the model that it carries. */
export interface About {
  /** the model card, in Markdown */
  readonly card: string;
  readonly licences: readonly { readonly name: string; readonly url: string }[];
}

export interface Client {
  /** `server`, or `browser`: nothing that you write leaves this machine */
  readonly where: 'server' | 'browser';
  /** `local`: this browser may run them itself (switch.ts) */
  models(): Promise<{ readonly ready: boolean; readonly local?: boolean; readonly models: readonly PageModel[] }>;
  /** Goes over to the other place, where there are two. */
  use?(where: Client['where']): Promise<void>;
  write(request: Request, options: WriteOptions): Promise<Written>;
  score(question: ScoreQuestion, options: { readonly signal: AbortSignal }): Promise<Scored>;
  /** of a site */
  about?(): Promise<About>;
}

/** A failure, in words that say what to do. */
export class ClientError extends Error {
  constructor(
    message: string,
    /** of the server, such as `invalid_api_key` */
    readonly code: string | null = null,
  ) {
    super(message);
  }
}
