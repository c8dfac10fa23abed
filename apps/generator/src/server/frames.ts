// Sends the canvas after each step to clients that ask for it.
import { framesOf, type FrameOptions, type GenerateOptions, type Model, type Step } from '@mdiff/generate';
import type { StreamRequest } from './schema.js';
import type { Events } from './stream.js';

interface WatchArgs extends FrameOptions {
  readonly body: StreamRequest;
  readonly events?: Pick<Events<unknown>, 'begun' | 'extra'> | undefined;
  readonly onStep?: GenerateOptions['onStep'];
}

/** A listener for the steps of one call, which also tells the client of them. */
export function watchSteps(model: Model, { body, events, onStep, ...options }: WatchArgs): (step: Step) => void {
  const frame = body.stream_options?.denoise === true ? framesOf(model, options) : undefined;
  return (step) => {
    onStep?.(step);
    events?.begun();
    if (frame) events?.extra('denoise', frame(step));
  };
}
