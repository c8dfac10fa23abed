// Text to token ids and back: a byte-level BPE learns frequent pieces, and any Unicode text survives the round trip.
import { trainBpe } from '@mdiff/text/node';

const book = 'the whale, the white whale; the whale that was the white whale. '.repeat(50);
const { tokenizer, reached } = await trainBpe([book], { vocabSize: 280 });

const ids = tokenizer.encode('the white whale');
console.log(`${reached} tokens of vocabulary; "the white whale" is ${ids.length} of them: ${ids.join(' ')}`);
console.log(tokenizer.decode(tokenizer.encode('Überraschung 🐳')));
// A user cannot type a special token: [MASK] is id 0, and the text "[MASK]" is ordinary text.
console.log(tokenizer.encode('[MASK]').includes(tokenizer.special.mask), tokenizer.decode(tokenizer.encode('[MASK]')));

// Prints:
// 277 tokens of vocabulary; "the white whale" is 3 of them: 276 271 267
// Überraschung 🐳
// false [MASK]
