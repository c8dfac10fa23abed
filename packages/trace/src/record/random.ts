import { atLine } from '../error.js';
import { fail, stackHere } from './active.js';

/** Operations that draw on the host, as TensorFlow.js names them in a stack. Minified builds have other names; the guards need none. */
const RANDOM_FRAME =
  /\b(randomNormal|randomUniformInt|randomUniform|randomStandardNormal|randomGamma|truncatedNormal|multinomial|dropout|rand)_ \(/g;

/** Refuses a draw: its result would be one fixed constant of the graph. */
export function refuseRandom(stack: string | undefined, source: string): never {
  // The outermost operation, because dropout calls randomUniform.
  const op = [...(stack ?? '').matchAll(RANDOM_FRAME)].at(-1)?.[1];
  fail(
    `${op ? `tf.${op}` : source}${atLine(stack)} draws random numbers on the host, which tracing would bake in as constants; draw them outside and pass them as an input`,
  );
}

const refuse = (source: string) => (): never => refuseRandom(stackHere(), source);

/** Spaces that the generator of TensorFlow.js (Alea) hashes one after the other before it hashes its seed. */
const SPACES = 3;

/**
 * Replaces the host's sources of random numbers until the returned function is called. A generator with a seed of its own takes nothing from
 * the host; the one in TensorFlow.js hashes three single spaces and then the seed, character by character, and shows itself by that.
 */
export function guardRandom(): () => void {
  const { random } = Math;
  const { charCodeAt } = String.prototype;
  const crypto = (globalThis.crypto && Object.getPrototypeOf(globalThis.crypto)) as typeof globalThis.crypto | null | undefined;
  const { getRandomValues, randomUUID } = crypto ?? {};
  let spaces = 0;
  Math.random = refuse('Math.random');
  String.prototype.charCodeAt = function (this: string, index: number): number {
    if (spaces === SPACES && index === 0) {
      spaces = 0;
      refuse('a random generator')();
    }
    spaces = index === 0 && String(this) === ' ' ? spaces + 1 : 0;
    return charCodeAt.call(this, index);
  };
  if (crypto) {
    crypto.getRandomValues = refuse('crypto.getRandomValues');
    crypto.randomUUID = refuse('crypto.randomUUID');
  }
  return () => {
    Math.random = random;
    String.prototype.charCodeAt = charCodeAt;
    if (crypto) Object.assign(crypto, { getRandomValues, randomUUID });
  };
}
