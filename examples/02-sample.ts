// Generation: start from a canvas of masks and unmask a little at each step. Any function that gives logits can be the denoiser;
// this one knows only that each word follows the one before it.
import { denoise, samplers, stream, type Denoiser } from '@mdiff/diffusion';

const MASK = 0;
const words = ['[MASK]', 'from', 'hell’s', 'heart', 'I', 'stab', 'at', 'thee'];

const denoiser: Denoiser = (rows) => {
  const logits: number[] = [];
  for (const { canvas, positions } of rows) {
    for (const position of positions) {
      const before = canvas[position - 1] ?? MASK;
      const leftIsFilled = position === 0 || before !== MASK;
      words.forEach((_, id) => logits.push(id === MASK ? -Infinity : leftIsFilled && id === before + 1 ? 9 : 0));
    }
  }
  return Float64Array.from(logits);
};

const { canvas, nfe } = await denoise({
  canvas: new Int32Array(words.length - 1).fill(MASK),
  maskId: MASK,
  denoiser,
  sampler: samplers.confidence,
  options: { numSteps: 7, temperature: 0.5 },
  rng: stream(1),
  onStep: ({ step, canvas: now }) => console.log(`${step}: ${[...now].map((id) => (id === MASK ? '____' : words[id])).join(' ')}`),
});
console.log(`${[...canvas].map((id) => words[id]).join(' ')} (${nfe} evaluations)`);

// Prints:
// 1: from ____ ____ ____ ____ ____ ____
// 2: from hell’s ____ ____ ____ ____ ____
// 3: from hell’s heart ____ ____ ____ ____
// 4: from hell’s heart I ____ ____ ____
// 5: from hell’s heart I stab ____ ____
// 6: from hell’s heart I stab at ____
// 7: from hell’s heart I stab at thee
// from hell’s heart I stab at thee (7 evaluations)
