import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { difference, exportsOf } from './api.mjs';

test('an export is its declaration without comments, also where another file has it; what is not exported is left out', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mdiff-api-'));
  try {
    writeFileSync(join(folder, 'other.d.ts'), '/** its unit */\nexport interface Unit {\n    /** in tokens */\n    length: number;\n}\n');
    writeFileSync(
      join(folder, 'index.d.ts'),
      "export { type Unit as Piece } from './other.js';\nexport declare const most = 3;\nexport declare function cut(text: string): string[];\ninterface Hidden {}\n",
    );
    const program = ts.createProgram([join(folder, 'index.d.ts')], {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
    });
    expect(exportsOf(program.getTypeChecker(), program.getSourceFile(join(folder, 'index.d.ts')))).toEqual([
      { name: 'Piece', text: 'export interface Unit {\n    length: number;\n}' },
      { name: 'cut', text: 'export declare function cut(text: string): string[];' },
      { name: 'most', text: 'export declare const most = 3;' },
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each([
  ['a\nb', 'a\nc', 'line 2: was "b", is "c"'],
  ['a\nb', 'a', 'line 2: was "b", is "nothing"'],
  ['', 'a', 'line 1: was "", is "a"'],
])('the first line that differs is named: %j and %j', (before, now, expected) => {
  expect(difference(before, now)).toBe(expected);
});
