import type { Feed } from './feed.js';
import type { ScoredText, ScoredUnit } from '../units.js';
import type { FillTask, Filling } from './filling.js';

export interface CacheSize {
  /** B, the texts */
  readonly batch: number;
  /** tokens of a text at most, `[BOS]` included */
  readonly places: number;
}

export interface NextTokens {
  /** int32 [B, length], at least one for each text */
  readonly ids: Int32Array;
  readonly length: number;
}

/** `B` texts that are written from left to right. Every pass reads only tokens that it has not read before. */
export interface Writer {
  /** → float32 [B, V]: logits of the token that follows. */
  next(tokens: NextTokens): Promise<Float32Array>;
  /** Goes on with these texts; one that is named twice is there twice. */
  keep(rows: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

/** Close it when done. */
export interface OpenFilling extends Filling {
  close(): Promise<void>;
}

/** Of a step that several texts share. */
export interface StepFigures {
  /** time of the forward pass and of drawing */
  readonly ms: number;
  /** tokens that it committed in each text */
  readonly tokens: readonly number[];
}

export type PassListener = (rows: number, step?: StepFigures) => void;

/** A loaded graph in any runtime. The code that calls a session knows no runtime. */
export interface Session {
  /** → float32 [M, V], row-major. */
  run(feed: Feed): Promise<Float32Array>;
  /** Begins texts with the causal graph; undefined where the folder has none. */
  openWriter?(size: CacheSize): Promise<Writer>;
  /** Begins to fill canvases beside the forward passes; undefined where the runtime can only `run`. */
  openFilling?: ((task: FillTask) => Promise<OpenFilling>) | undefined;
  /** Cuts a long text into the units that are scored, beside the caller's thread; undefined where the runtime cannot. */
  unitsOf?: (args: UnitsArgs) => Promise<ScoredUnit[]>;
  /**
   * Calls the listener for each forward pass with the texts, or canvases, that it computed, and, of fillings, with figures of the step; undefined where
   * the runtime does not tell.
   */
  onPass?: (listener: PassListener) => void;
  close(): Promise<void>;
}

export interface UnitsArgs {
  readonly text: ScoredText;
  /** most tokens of a unit, `[EOS]` not counted */
  readonly slot: number;
}

export interface SessionOptions {
  /** Threads inside one operator; 0 = as many as the passes show to be fastest, from one to one for each physical core that this process may use. */
  readonly threads?: number;
}
