// Sends the canvas after each step to clients that ask for it.
import { framesOf, type FrameOptions, type Model, type Step } from '@mdiff/generate';
import type { StreamRequest } from './schema.js';
import type { Events } from './stream.js';

interface WatchArgs extends FrameOptions {
  readonly body: StreamRequest;
  readonly events?: Pick<Events<unknown>, 'begun' | 'extra'> | undefined;
}

/** A listener for the steps of one call, which tells the client of them; none for an answer that comes as a whole. */
export function watchSteps(model: Model, { body, events, ...options }: WatchArgs): { onStep?: (step: Step) => void } {
  if (!events) return {};
  const frame = body.stream_options?.denoise === true ? framesOf(model, options) : undefined;
  return {
    onStep(step) {
      events.begun();
      if (frame) events.extra('denoise', frame(step));
    },
  };
}
