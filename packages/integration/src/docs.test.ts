import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesOf } from '@mdiff/testing';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const files = filesOf(root);
const pages = files.filter((file) => file.endsWith('.md'));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const withoutCode = (text: string): string => text.replace(/^```.*?^```/gms, '');

// GitHub's rule for the anchor of a heading.
const anchors = (text: string): string[] =>
  [...withoutCode(text).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );

describe('pages', () => {
  it('link to files and headings that exist', () => {
    const broken = pages.flatMap((page) =>
      [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target]) => target!)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => {
          const [path, anchor] = target.split('#') as [string, string?];
          const file = path === '' ? page : relative(root, join(root, dirname(page), path));
          return !existsSync(join(root, file)) || (anchor !== undefined && !anchors(read(file)).includes(anchor));
        })
        .map((target) => `${page}: ${target}`),
    );
    expect(pages.length).toBeGreaterThan(20);
    expect(broken).toEqual([]);
  });

  // An entry of the log keeps the names of its day.
  it('name files and folders that exist', () => {
    const missing = pages
      .filter((page) => !page.startsWith('docs/log/'))
      .flatMap((page) =>
        [...read(page).matchAll(/`((?:packages|apps|checks|bench|runs|examples|tools|docs|\.ci)\/[\w./-]+)`/g)]
          .map(([, path]) => path!)
          .filter((path) => !existsSync(join(root, path)))
          .map((path) => `${page}: ${path}`),
      );
    expect(missing).toEqual([]);
  });

  it('stand in the index of their folder', () => {
    for (const folder of ['docs/log', 'docs/decisions']) {
      const index = read(`${folder}/README.md`);
      const entries = pages.filter((page) => dirname(page) === folder && !page.endsWith('README.md'));
      expect(entries.length).toBeGreaterThan(5);
      for (const entry of entries) expect(index.split(`](${entry.slice(folder.length + 1)})`)).toHaveLength(2);
    }
  });
});

const sources = files.filter((file) => /\.(ts|mjs|js|py|cc|sh|yaml)$/.test(file) && !file.endsWith('docs.test.ts'));

it('code cites only documents of the repository', () => {
  const cited = sources.flatMap((file) => [...read(file).matchAll(/\bdocs\/[\w./-]*\w\.(?:md|svg)\b/g)].map(([path]) => ({ file, path })));
  expect(cited.length).toBeGreaterThan(10);
  const unreadable = [...sources, ...pages].filter((file) => /\b[Ii]ssue \d|\bthe \w+ issue\b|\b[Ss]pecification,? \d/.test(read(file)));
  expect(unreadable).toEqual([]);
  expect(cited.filter(({ path }) => !existsSync(join(root, path)))).toEqual([]);
});
