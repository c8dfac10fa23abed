import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import { beforeAll, describe, expect, test } from 'vitest';

// The table of docs/architecture.md is enforced by two lint rules: one reads the tags in package.json, the other the table's cells.
// A wrong tag or glob would switch one off without a sound, so this test writes forbidden imports (in memory only) and expects each
// to be reported.
const root = fileURLToPath(new URL('../../..', import.meta.url));
const rules = ['@nx/enforce-module-boundaries', '@typescript-eslint/no-restricted-imports'];

let eslint: ESLint;
beforeAll(() => {
  // The rule reads the project graph from Nx's cache and passes everything when there is none, as in a fresh clone.
  execFileSync(process.execPath, [`${root}/node_modules/nx/dist/bin/nx.js`, 'show', 'projects'], {
    cwd: root,
    stdio: 'pipe',
    env: { ...process.env, NX_DAEMON: 'false' },
  });
  eslint = new ESLint({ cwd: root });
});

async function report(folder: string, statement: string, file = 'probe.ts'): Promise<string[]> {
  const [result] = await eslint.lintText(`${statement}\n`, { filePath: `${root}/${folder}/src/${file}` });
  return result!.messages.filter((message) => rules.includes(message.ruleId ?? '')).map((message) => message.message);
}

describe('forbidden', () => {
  test.each([
    ['packages/diffusion', '@tensorflow/tfjs', 'the mathematics needs no tensor runtime'],
    ['packages/diffusion', 'onnxruntime-node', 'nor an inference runtime'],
    ['packages/config', '@tensorflow/tfjs', 'validating a file loads no runtime'],
    ['packages/config', 'onnxruntime-node', 'validating a file loads no runtime'],
    ['packages/config', '@mdiff/model', 'a leaf imports no library'],
    ['packages/text', '@tensorflow/tfjs', 'text knows no tensors'],
    ['packages/curriculum', '@mdiff/model', 'the curriculum knows no runtime'],
    ['packages/curriculum', '@tensorflow/tfjs', 'the curriculum knows no runtime'],
    ['packages/generate', '@mdiff/model', 'a generator install never pulls TensorFlow.js'],
    ['packages/generate', '@mdiff/trace', 'a generator install never pulls TensorFlow.js'],
    ['packages/generate', '@mdiff/train', 'a generator install never pulls TensorFlow.js'],
    ['packages/generate', '@tensorflow/tfjs', 'a generator install never pulls TensorFlow.js'],
    ['packages/trace', '@mdiff/model', 'the tracer knows no language models'],
    ['packages/model', '@mdiff/train', 'the model does not know how it is trained'],
    ['packages/model', '@mdiff/generate', 'training and generating meet only in the model folder'],
    ['packages/train', '@mdiff/generate', 'training and generating meet only in the model folder'],
    ['packages/diffusion', '@mdiff/text', 'a leaf imports only leaves of the table'],
    ['packages/config', '@mdiff/diffusion', 'what a run is needs no mathematics of masking'],
    ['packages/text', '@mdiff/diffusion', 'reading a text needs no mathematics of masking'],
    ['packages/train', '@mdiff/report', 'a run writes records, not pages'],
    ['packages/train', '@mdiff/text', 'a run gets tokens, not text'],
    ['apps/generator', '@mdiff/diffusion', 'sampling is called through generate'],
    ['packages/train', '@mdiff/trainer', 'no library imports an application'],
    ['apps/generator', '@mdiff/trainer', 'a generator install never pulls the trainer'],
    ['apps/generator', '@mdiff/train', 'a generator install never pulls TensorFlow.js'],
    ['packages/text', '@mdiff/testing', 'test helpers are for tests'],
    ['packages/folder', '@mdiff/config', 'the contract between the halves imports neither'],
    ['packages/folder', '@tensorflow/tfjs', 'reading a folder loads no runtime'],
    ['packages/workers', '@mdiff/folder', 'calls know nothing of what is called'],
    ['packages/report', '@mdiff/prepare', 'pages are made of plain records'],
    ['packages/arguments', '@mdiff/folder', 'what all packages may import imports none'],
    ['packages/diffusion', '@mdiff/folder', 'the mathematics knows no files'],
    ['packages/cli', '@mdiff/config', 'commands share output, not meaning'],
    ['packages/prepare', '@tensorflow/tfjs', 'reading a text loads no tensor runtime'],
    ['packages/prepare', '@mdiff/engine', 'a text is prepared before an engine is chosen'],
    ['packages/prepare', '@mdiff/train', 'a text is prepared before it is trained on'],
    ['packages/engine', '@mdiff/train', 'an engine does not know the stages of a run'],
    ['packages/engine', '@mdiff/text', 'an engine sees batches, not text'],
    ['packages/engine', '@mdiff/provision', 'an engine runs what is there'],
    ['packages/provision', '@mdiff/train', 'what is installed does not depend on a run'],
    ['packages/train', '@mdiff/provision', 'a run downloads and compiles nothing'],
    ['packages/train', '@mdiff/trace', 'the engine traces the step'],
    ['apps/generator', '@mdiff/engine', 'a generator install never pulls TensorFlow.js'],
    ['apps/mdiff', '@mdiff/train', 'the one command loads the applications lazily'],
  ])('%s may not import %s: %s', async (folder, target) => {
    expect(await report(folder, `import '${target}';`)).not.toEqual([]);
  });
});

/** The rows of a Markdown table under the heading that begins with "may import": cells by room. */
function rows(page: string): Map<string, string[]> {
  const [header, , ...lines] = page
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .filter((_, i, all) => i >= all.findIndex((line) => line.startsWith('| may import')));
  const columns = cells(header!).slice(1);
  const end = lines.findIndex((line) => cells(line).length !== columns.length + 1);
  return new Map(
    lines.slice(0, end === -1 ? undefined : end).flatMap((line) => {
      const [names, ...marks] = cells(line);
      const granted = columns.flatMap((column, i) =>
        marks[i] === '' ? [] : [`${column}: ${marks[i]!.startsWith('types') ? 'types' : 'values'}`],
      );
      return names!
        .replace(/\([^)]*\)/g, '')
        .split(',')
        .map((name) => [name.trim().replace(/^apps\//, ''), granted.sort()] as const);
    }),
  );
}
const cells = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

describe('the table', () => {
  test('is the one of docs/architecture.md, and every cell is used', async () => {
    const { table } = (await import(`${root}/eslint.config.js`)) as { table: Record<string, Record<string, 'types' | 'values'>> };
    const page = rows(readFileSync(`${root}/docs/architecture.md`, 'utf8'));
    const room = (folder: string): string => folder.split('/')[1]!;
    expect([...page.keys()].sort()).toEqual(Object.keys(table).map(room).sort());
    for (const [folder, granted] of Object.entries(table)) {
      const names = Object.entries(granted).filter(([name]) => !name.includes('/')); // the page grants single entries in a footnote
      expect(page.get(room(folder)), folder).toEqual(names.map(([name, kind]) => `${name}: ${kind}`).sort());
      const sources = (readdirSync(`${root}/${folder}/src`, { recursive: true }) as string[])
        .filter((file) => /^(?!.*\.test\.).*\.ts$/.test(file))
        .map((file) => readFileSync(`${root}/${folder}/src/${file}`, 'utf8'))
        .join('\n');
      for (const name of Object.keys(granted))
        expect(sources.includes(`'@mdiff/${name}'`) || sources.includes(`'@mdiff/${name}/`), `${folder} uses ${name}`).toBe(true);
    }
  });
});

describe('allowed', () => {
  test.each([
    ['packages/diffusion', '@mdiff/arguments'],
    ['packages/curriculum', '@mdiff/text'],
    ['packages/model', '@tensorflow/tfjs'],
    ['packages/engine', '@mdiff/trace'],
    ['packages/prepare', '@mdiff/curriculum'],
    ['packages/provision', '@mdiff/engine'],
    ['packages/train', '@mdiff/engine'],
    ['packages/train', '@mdiff/prepare'],
    ['packages/generate', '@mdiff/folder'],
    ['packages/generate', 'onnxruntime-node'],
    ['apps/trainer', '@mdiff/train'],
    ['apps/generator', '@mdiff/generate'],
  ])('%s may import %s', async (folder, target) => {
    expect(await report(folder, `import '${target}';`)).toEqual([]);
  });

  test('types, where the table says types', async () => {
    expect(await report('packages/model', "import type { ModelConfig } from '@mdiff/config';")).toEqual([]);
    expect(await report('packages/model', "import { ModelConfig } from '@mdiff/config';")).not.toEqual([]);
  });

  test('one entry as values where the rest of its package gives types', async () => {
    expect(await report('packages/generate', "import { sampling } from '@mdiff/config/sampling';")).toEqual([]);
    expect(await report('packages/generate', "import { ProjectConfig } from '@mdiff/config';")).not.toEqual([]);
    expect(await report('packages/model', "import { sampling } from '@mdiff/config/sampling';")).not.toEqual([]);
  });

  test('test helpers in tests', async () => {
    expect(await report('packages/text', "import '@mdiff/testing';", 'probe.test.ts')).toEqual([]);
  });

  test('mdiff loads the two applications lazily', async () => {
    expect(await report('apps/mdiff', "await import('@mdiff/trainer');\nawait import('@mdiff/generator');")).toEqual([]);
  });
});
