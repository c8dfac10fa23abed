import { ConfigError, type Issue } from '../checks/issue.js';
import { segments, type Segment } from '../sections/keys.js';
import type { ProjectConfig, ProjectInput } from '../sections/types.js';

/** An issue as Standard Schema has it: `path` holds a word for each level and a number for each place in a list. */
export interface StandardIssue {
  readonly message: string;
  readonly path: readonly Segment[];
}

/** What Standard Schema 1 asks of a schema (the interface of `@standard-schema/spec`, of which a test sees that this is one). */
export interface StandardSchema {
  readonly version: 1;
  readonly vendor: 'mdiff';
  readonly validate: (
    value: unknown,
  ) => { readonly value: ProjectConfig; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] };
  readonly types?: { readonly input: ProjectInput; readonly output: ProjectConfig };
}

/** A fault of the whole has no path. */
const standardIssue = ({ path, message }: Issue): StandardIssue => ({ message, path: path.startsWith('(') ? [] : (segments(path) ?? []) });

export const standardSchema = (check: (value: unknown) => ProjectConfig): StandardSchema => ({
  version: 1,
  vendor: 'mdiff',
  validate(value) {
    try {
      return { value: check(value) };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return { issues: error.issues.map(standardIssue) };
    }
  },
});
