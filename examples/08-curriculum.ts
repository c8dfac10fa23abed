// Curriculum: units of text share the rows of a batch, longest first, and a unit is never cut. Its tokens attend only to each other.
import { packLengths, packRows } from '@mdiff/curriculum';
import { stream } from '@mdiff/diffusion';

const shape = { length: 16, shiftHead: false }; // a unit takes its tokens and [EOS]
const lengths = [7, 3, 12, 5, 2, 9, 4];
const { rows, start, members, padded } = packLengths(lengths, shape);
for (let row = 0; row < rows; row++) {
  const units = Array.from(members.subarray(start[row], start[row + 1]), (unit) => lengths[unit]);
  console.log(`row ${row}: units of ${units.join(', ')} tokens`);
}
console.log(`${(100 * padded).toFixed(0)} % of the positions are padding`);

// A stream of random numbers shuffles what may be shuffled: the number of rows stays, so every epoch has as many steps.
const units = lengths.map((length, id) => ({ id, tokens: new Int32Array(length) }));
console.log([1, 2, 3].map((epoch) => packRows(units, shape, stream(42, 'epoch', epoch)).rows.length).join(', '));

// Prints:
// row 0: units of 12 tokens
// row 1: units of 9, 5 tokens
// row 2: units of 7, 4, 2 tokens
// row 3: units of 3 tokens
// 23 % of the positions are padding
// 4, 4, 4
