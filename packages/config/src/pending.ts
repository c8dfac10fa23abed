/** A key whose behaviour has not landed yet, and the issue that brings it. Setting one to another value than its default warns (W10). */
export interface Pending {
  key: string;
  issue: string;
}

export const pending: readonly Pending[] = [];
