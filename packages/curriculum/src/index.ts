export { selectUnits } from './band.js';
export { assemble, type Batch, type PlacedUnit } from './batches.js';
export { feed, type Feed, type FeedOptions } from './epochs.js';
export { CurriculumError } from './error.js';
export { packLengths, packRows, type PackedRows, type Packing, type Row, type RowShape } from './rows.js';
export type { Part } from '@mdiff/text/sentences';
export { cutUnits, makeUnits, slotOverhead, type CutUnit, type Unit, type UnitOptions } from './units.js';
export { extended, storeOf, type StoredUnit, type UnitStore } from './store.js';
