// Fills canvases beside the forward passes, so that logits never leave the thread that computes them. Knows no runtime.
import {
  sampler,
  startDenoising,
  type Constraints,
  type DenoiseResult,
  type SamplerName,
  type SamplingOptions,
  type StepEvent,
} from '@mdiff/diffusion';
import { feedOf, type Feed, type Reserved } from './feed.js';

/** Canvases of any lengths to fill. */
export interface FillArgs {
  readonly canvases: readonly Int32Array[];
  /** of each canvas */
  readonly constraints: readonly (Constraints | undefined)[];
  /** of each canvas */
  readonly seeds: readonly number[];
  readonly sampler: SamplerName;
  readonly options: Partial<SamplingOptions>;
  /** masks that the model sees behind each canvas and that are not filled */
  readonly ahead: number;
}

/** What to fill, as data: it crosses to the inference thread. */
export interface FillTask extends FillArgs, Reserved {
  /** report each step of each canvas */
  readonly watched: boolean;
}

/** After a forward pass. */
export interface FillProgress {
  /** the steps since the last report; none unless they are watched */
  readonly events: readonly StepEvent[];
  /** null until all canvases are filled */
  readonly results: readonly DenoiseResult[] | null;
}

/** Canvases that are being filled: one forward pass a step, so that others have theirs between them. */
export interface Filling {
  step(): Promise<FillProgress>;
}

export function startFilling(task: FillTask, run: (feed: Feed) => Promise<Float32Array>): Filling {
  let events: StepEvent[] = [];
  const denoising = startDenoising({
    canvases: task.canvases,
    constraints: task.constraints,
    seed: task.seeds,
    maskId: task.maskId,
    sampler: sampler(task.sampler),
    options: task.options,
    ...(task.watched && { onStep: (event: StepEvent) => void events.push({ ...event, canvas: event.canvas.slice() }) }),
  });
  return {
    async step() {
      const rows = denoising.wanted();
      if (rows.length > 0) denoising.take(await run(feedOf(rows, task)));
      const report = events;
      events = [];
      return { events: report, results: denoising.wanted().length === 0 ? denoising.results : null };
    },
  };
}
