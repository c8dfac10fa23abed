// The site: pages that build.mjs has gathered in outputs/site/pages, written to outputs/site/html. Nothing is loaded from elsewhere.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { katex } from '@mdit/plugin-katex';
import { defineConfig } from 'vitepress';

const work = join(import.meta.dirname, '../../../outputs/site');
const { guides, reference, packages } = JSON.parse(readFileSync(join(work, 'contents.json'), 'utf8'));
const list = (pages) => pages.map(({ title, page }) => ({ text: title, link: `/${page}` }));

/** GitHub's rule for the anchor of a heading, which the links of the repository follow. */
const slugify = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

export default defineConfig({
  title: 'mdiff',
  description: 'Small masked-diffusion language models of one book, trained and run in TypeScript',
  lang: 'en-GB',
  srcDir: join(work, 'pages'),
  outDir: join(work, 'html'),
  cacheDir: join(work, 'cache'),
  base: process.env.MDIFF_SITE_BASE ?? '/',
  cleanUrls: false,
  lastUpdated: false,
  metaChunk: true,
  // Pages that are one wide table take the room of the headings beside them.
  transformPageData(page) {
    if (/^(config|log\/index|wrong-input)\.md$/.test(page.relativePath)) page.frontmatter.aside = false;
  },
  // One page of the reference is as long as a small book.
  vite: { build: { chunkSizeWarningLimit: 4000 } },
  markdown: {
    anchor: { slugify },
    // The pages are written for GitHub: `{…}` at the end of a line is text.
    attrs: { disable: true },
    config: (md) => {
      // A page of the repository means `<folder>` as it stands; those of TypeDoc have anchors in HTML.
      md.core.ruler.before('normalize', 'html', ({ env }) => md.set({ html: /^(api\/|index\.md$)/.test(env?.relativePath ?? '') }));
      // Formulas as MathML, which browsers draw without fonts or styles of ours.
      md.use(katex, { output: 'mathml', throwOnError: true });
      // Vue would read {{ in code spans and text as its own.
      const text = md.renderer.rules.text;
      md.renderer.rules.text = (...given) => text(...given).replaceAll('{{', '&#123;&#123;');
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Guides', link: '/guides/' },
      { text: 'Configuration keys', link: '/config' },
      { text: 'API', link: '/api/' },
      { text: 'Measurements', link: '/log/' },
    ],
    sidebar: {
      '/api/': [{ text: 'API reference', link: '/api/', items: list(reference) }],
      '/': [
        { text: 'Guides', items: list(guides) },
        {
          text: 'Reference',
          items: [
            { text: 'Configuration keys', link: '/config' },
            { text: 'Configuration, in full', link: '/configuration-specification' },
            { text: 'What a mistake answers', link: '/wrong-input' },
            { text: 'API', link: '/api/' },
          ],
        },
        {
          text: 'Inside',
          collapsed: true,
          items: [
            { text: 'Architecture and glossary', link: '/architecture' },
            { text: 'Decisions', link: '/decisions/' },
            { text: 'Measurements', link: '/log/' },
            { text: 'Texts of the models', link: '/texts' },
            { text: 'Data and downloads', link: '/data' },
            { text: 'Contributing', link: '/contributing' },
          ],
        },
        { text: 'Packages', collapsed: true, items: list(packages) },
      ],
    },
  },
});
