import { mustBe } from '@mdiff/arguments';
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
export const storeOf = (units: readonly Unit[]): UnitStore => {
  mustBe('storeOf', 'units', units, 'list');
  return {
    lengths: Int32Array.from(units, ({ tokens }) => tokens.length),
    tokens: units.reduce((sum, { tokens }) => sum + tokens.length, 0),
    bytes: units.reduce((sum, { bytes }) => sum + bytes, 0),
    unit: (place) => units[place]!,
  };
};

/** A store with more units at its end. */
export function extended(store: UnitStore, more: readonly StoredUnit[]): UnitStore {
  mustBe('extended', 'store', store, 'object');
  mustBe('extended', 'more', more, 'list');
  const lengths = new Int32Array(store.lengths.length + more.length);
  for (let i = 0; i < store.lengths.length; i++) lengths[i] = store.lengths[i]!;
  more.forEach(({ tokens }, i) => (lengths[store.lengths.length + i] = tokens.length));
  return {
    ...store,
    lengths,
    unit: (place) => (place < store.lengths.length ? store.unit(place) : more[place - store.lengths.length]!),
  };
}
