// Generation from a model folder: a gap between two fixed texts, the same in Node, in a browser and for every number of texts. This model has
// learnt nothing, so its words have no sense.
import { fileURLToPath } from 'node:url';
import { infill, loadModel, score } from '@mdiff/generate';

const model = await loadModel(fileURLToPath(new URL('../packages/generate/fixtures/shifted', import.meta.url)), { threads: 1 });
const parts = ['The captain ', { gap: [1, 4] as [number, number] }, ' the deck.'];
const { texts } = await infill(model, parts, { seed: 1, n: 2 });
for (const { text } of texts) console.log(text.startsWith('The captain ') && text.endsWith(' the deck.'));
const [alone] = (await infill(model, parts, { seed: 1 })).texts;
console.log(alone!.text === texts[0]!.text);
const { bitsPerByte } = await score(model, 'The captain left the deck.', { seed: 1 });
console.log(`${bitsPerByte.toFixed(1)} bits a byte`);
await model.close();

// Prints:
// true
// true
// true
// 56.9 bits a byte
