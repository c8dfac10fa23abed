// Corruption: each training example is a unit of text with some tokens masked. The rate t decides how many; it is drawn per unit.
import { drawRates, maskUnit, stream } from '@mdiff/diffusion';

const words = 'Call me Ishmael . Some years ago , never mind how long precisely'.split(' ');
const rng = stream(42, 'example');
const { t } = drawRates({ count: 3, range: [0.1, 0.9], fullRangeFraction: 0, sampling: 'low_discrepancy', rng });

for (const rate of t) {
  const { positions } = maskUnit({ length: words.length, t: rate, sampling: 'exact_count', rng });
  const hidden = new Set(positions);
  console.log(`t = ${rate.toFixed(2)}: ${words.map((word, i) => (hidden.has(i) ? '____' : word)).join(' ')}`);
}

// Prints:
// t = 0.33: Call ____ Ishmael . Some ____ ago , never ____ how long ____
// t = 0.60: Call ____ ____ ____ Some years ____ , ____ ____ ____ ____ precisely
// t = 0.87: ____ ____ Ishmael ____ ____ years ____ ____ ____ ____ ____ ____ ____
