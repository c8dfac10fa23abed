import type { Engine } from '@mdiff/engine';

/** An engine that computes nothing and has a gradient of `numbers` zeros: a step on ranks is its exchange alone. */
export function idleEngine(numbers: number): Engine {
  const gradient = new Float32Array(numbers);
  const nothing = (): Promise<never> => Promise.reject(new Error('an idle engine only steps'));
  return {
    name: 'idle',
    threads: 1,
    layout: { params: [], total: numbers },
    grads: () => Promise.resolve({ loss: 0 }),
    take: () => Promise.resolve(gradient),
    apply: () => Promise.resolve({ gradNorm: 0, finite: true }),
    ...{
      gradient: nothing,
      step: nothing,
      evaluate: nothing,
      read: nothing,
      load: nothing,
      resetMoments: nothing,
      exportOnnx: nothing,
      startup: nothing,
    },
    close: () => Promise.resolve(),
  };
}
