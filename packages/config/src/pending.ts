/** A key whose behaviour has not landed yet, and the issue that brings it. Setting one to another value than `neutral` warns (W10). */
export interface Pending {
  /** A leaf key; a key of every stage is `curriculum.stages[].name`. */
  key: string;
  issue: string;
  /** The value that needs no behaviour: the default, unless stated. A stage key has no default and must state it. */
  neutral?: unknown;
}

export const pending: readonly Pending[] = [];
