export { selectUnits } from './band.js';
export { assemble, type Batch, type PlacedUnit } from './batch.js';
export { feed, type Feed, type FeedOptions } from './epoch.js';
export { CurriculumError } from './error.js';
export { packRows, type Packing, type Row, type RowShape } from './row.js';
export type { Part } from './split.js';
export { makeUnits, slotOverhead, type Unit, type UnitOptions } from './unit.js';
