import type { Unit } from './units.js';

/** The part of a unit that a batch needs. */
export type StoredUnit = Pick<Unit, 'id' | 'tokens'>;

/** A list of units that are read when a batch needs them: from memory (`storeOf`), or from the shards of a token cache. */
export interface UnitStore {
  /** tokens of each unit's text */
  readonly lengths: ArrayLike<number>;
  /** sums over all units: tokens without [EOS], UTF-8 bytes of the text */
  readonly tokens: number;
  readonly bytes: number;
  unit(place: number): StoredUnit;
}

/** Units in memory as a store. */
export const storeOf = (units: readonly Unit[]): UnitStore => ({
  lengths: Int32Array.from(units, ({ tokens }) => tokens.length),
  tokens: units.reduce((sum, { tokens }) => sum + tokens.length, 0),
  bytes: units.reduce((sum, { bytes }) => sum + bytes, 0),
  unit: (place) => units[place]!,
});
