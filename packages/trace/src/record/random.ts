import { atLine } from '../error.js';
import { fail } from './active.js';

/** Operations that draw on the host, as TensorFlow.js names them in a stack: their result would be one fixed constant of the graph. */
const RANDOM_FRAME =
  /\b(randomNormal|randomUniformInt|randomUniform|randomStandardNormal|randomGamma|truncatedNormal|multinomial|dropout|rand)_ \(/g;

/** Refuses random numbers that are drawn on the host: when the stack names an operation that draws, or `always`. */
export function refuseRandom(stack: string | undefined, always: boolean): void {
  // The outermost operation, because dropout calls randomUniform.
  const op = [...(stack ?? '').matchAll(RANDOM_FRAME)].at(-1)?.[1];
  if (!op && !always) return;
  fail(
    `${op ? `tf.${op}` : 'Math.random'}${atLine(stack)} draws random numbers on the host, which tracing would bake in as constants; draw them outside and pass them as an input`,
  );
}
