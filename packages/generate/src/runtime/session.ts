/** One forward pass. `B` canvases padded to length `S`; `M` hidden rows projected to `V` logits each. */
export interface Feed {
  /** int32 [B, S]. */
  readonly ids: Int32Array;
  /** int32 [B, S]: 1 = token, 0 = PAD. */
  readonly attention: Int32Array;
  /** int32 [M]: flattened index b·S + s of each hidden row to project. */
  readonly rows: Int32Array;
  readonly batch: number;
  readonly length: number;
}

/** A loaded graph in any runtime. The code that calls a session knows no runtime. */
export interface Session {
  /** → float32 [M, V], row-major. */
  run(feed: Feed): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface SessionOptions {
  /** Threads inside one operator; 0 = one for each physical core. */
  readonly threads?: number;
}
