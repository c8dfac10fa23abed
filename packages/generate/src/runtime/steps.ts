// Steps of several fillings at a time: those that wait when a pass begins take part in it, in the order in which they came. Knows no runtime.
import { turn } from '../turn.js';
import type { FillProgress, FillTask, SharedPass } from './filling.js';
import type { OpenFilling } from './session.js';

/** Calls into the thread that computes; `filling` is a number that the caller chooses. */
export interface FillingCalls {
  begin(argument: { readonly filling: number; readonly task: FillTask }): Promise<void>;
  /** One pass for the first of them and for those behind it that fit. */
  step(argument: { readonly fillings: readonly number[] }): Promise<SharedPass>;
  end(argument: { readonly filling: number }): Promise<void>;
}

interface Waiting {
  readonly filling: number;
  resolve(progress: FillProgress): void;
  reject(error: unknown): void;
}

/**
 * Opens fillings that share their passes. One that did not fit into a pass comes first in the next; one that is closed while it waits is gone at once.
 */
export function sharedSteps({ begin, step, end }: FillingCalls): (task: FillTask) => Promise<OpenFilling> {
  let count = 0;
  let waiting: Waiting[] = [];
  let running = false;

  async function pass(): Promise<void> {
    // Fillings that have had their step ask for the next one, and new ones join, before the pass is put together.
    await turn();
    const asked = waiting.slice();
    if (asked.length === 0) return;
    const done = new Set<Waiting>();
    try {
      const { outcomes } = await step({ fillings: asked.map(({ filling }) => filling) });
      for (const [i, outcome] of outcomes.entries()) {
        if (outcome === null) continue;
        done.add(asked[i]!);
        if ('error' in outcome) asked[i]!.reject(Object.assign(new Error(outcome.error.message), outcome.error));
        else asked[i]!.resolve(outcome);
      }
    } catch (error) {
      for (const one of asked) {
        done.add(one);
        one.reject(error);
      }
    }
    waiting = waiting.filter((one) => !done.has(one));
  }

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    while (waiting.length > 0) await pass();
    running = false;
  }

  return async (task) => {
    const filling = count++;
    await begin({ filling, task });
    return {
      step: () =>
        new Promise((resolve, reject) => {
          waiting.push({ filling, resolve, reject });
          void run();
        }),
      close: () => {
        waiting = waiting.filter((one) => one.filling !== filling);
        return end({ filling });
      },
    };
  };
}
