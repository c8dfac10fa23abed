import { mustBe } from '@mdiff/arguments';

export type Severity = 'error' | 'warning';

/** One finding. `where` is `file:line:column`, `env NAME`, `--set`, `default` or `code`; line and column count from 1. */
export interface Issue {
  /** `YAML`, `SCHEMA`, or the id of a rule: E1…, W1…, S1…, N1… */
  code: string;
  severity: Severity;
  where: string;
  /** `where` is a flag that gives only this value. */
  flag?: true;
  line?: number;
  column?: number;
  /** Dotted key path; list items are `stages[0]`, a fault of the text itself is `(yaml)`, of values from code `(values)`. */
  path: string;
  /** Everything after the path, hint and second place included. */
  message: string;
  expected?: string;
  got?: string;
  hint?: string;
  see?: string;
}

/** A place in a source: a file position, an environment variable, `--set`, another flag, `default`, `code`. */
export interface Place {
  where: string;
  /** `where` is a flag that gives only this value, so that people need not read the key. */
  flag?: true;
  line?: number;
  column?: number;
}

export interface Finding {
  code: string;
  severity?: Issue['severity'];
  expected?: string;
  got?: string;
  hint?: string;
  see?: string;
  /** Replaces `expected …, got …`; for warnings and notices. */
  text?: string;
  preset?: string;
}

/** Builds an issue; the wording `expected X, got Y; hint; see place` exists only here. */
export function issueAt(place: Place, path: string, finding: Finding): Issue {
  const { code, severity = 'error', hint, see, text, preset } = finding;
  const got = finding.got === undefined || preset === undefined ? finding.got : `${finding.got} (preset ${preset})`;
  const body = text ?? `expected ${finding.expected}${got === undefined ? '' : `, got ${got}`}`;
  const message = [body, hint, see === undefined ? undefined : `see ${see}`].filter((part) => part !== undefined).join('; ');
  const optional = { expected: finding.expected, got, hint, see, flag: place.flag, line: place.line, column: place.column };
  return {
    code,
    severity,
    where: place.where,
    path,
    message,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

/** A place and the key there, as people read it: `a.yaml:1:7 seed`, or `--seed` alone. */
export const placeText = ({ where, flag }: Place, path: string): string => (flag ? where : `${where} ${path}`);

/** `where path: message`, the line people read. */
export const formatIssue = (issue: Issue): string => {
  mustBe('formatIssue', 'issue', issue, 'object');
  return `${placeText(issue, issue.path)}: ${issue.severity === 'warning' ? 'warning: ' : ''}${issue.message}`;
};

/** One line per issue; at most `limit`, then how many more. */
export function formatIssues(issues: readonly Issue[], limit = 100): string {
  mustBe('formatIssues', 'issues', issues, 'list');
  mustBe('formatIssues', 'limit', limit, 'number');
  const lines = issues.slice(0, limit).map(formatIssue);
  return (issues.length > limit ? [...lines, `… and ${issues.length - limit} more`] : lines).join('\n');
}

/** A configuration that cannot be used. `message` has one line per issue. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'MDIFF_CONFIG';
  readonly exitCode = 2;
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[]) {
    super(formatIssues(issues));
    this.issues = issues;
  }
}
