import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, parse, Parser, Scalar } from 'yaml';
import type * as library from './library.js';

// A browser loads what was bundled: stands in for `library.ts` under the `browser` condition, with the names that this package uses.
const names = { Composer, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, parse, Parser, Scalar };

export const yamlLibrary: typeof library.yamlLibrary = () => names as unknown as ReturnType<typeof library.yamlLibrary>;
