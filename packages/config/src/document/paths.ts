import type { Finding } from '../checks/issue.js';
import { quoted } from '../checks/words.js';
import { takes, type Node } from '../sections/keys.js';

/** True for a key whose value is a path, or a name that may be one. */
export const isPath = (node: Node | undefined): boolean =>
  node?.minLength === 1 && node.pattern === undefined && node.enum === undefined && takes(node, 'string');

/** The issue of a path that a shell should have expanded: `$HOME/books` would be a folder with that name. */
export const unexpanded = (path: string): Finding | undefined =>
  /^\$(\w+|\{\w+\})([\\/]|$)/.test(path)
    ? { code: 'SCHEMA', expected: 'a path', got: quoted(path), hint: 'write ~/… for your home folder, or ${env:NAME}/… in a file' }
    : undefined;
