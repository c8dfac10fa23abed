import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

// The layers of the import table (docs/architecture.md). Tags stand in each package.json.
const depConstraints = [
  { sourceTag: 'layer:leaf', onlyDependOnLibsWithTags: ['layer:leaf', 'layer:dev'] },
  { sourceTag: 'layer:lib', onlyDependOnLibsWithTags: ['layer:leaf', 'layer:lib', 'layer:dev'] },
  { sourceTag: 'layer:app', onlyDependOnLibsWithTags: ['layer:leaf', 'layer:lib', 'layer:app', 'layer:dev'] },
  { sourceTag: 'layer:dev', onlyDependOnLibsWithTags: ['*'] },
  // A package without a runtime must not pull one in; a generator install never pulls TensorFlow.js.
  {
    sourceTag: 'runtime:none',
    notDependOnLibsWithTags: ['runtime:tfjs', 'runtime:both'],
    bannedExternalImports: ['@tensorflow/*', 'onnxruntime-*'],
  },
  { sourceTag: 'runtime:ort', notDependOnLibsWithTags: ['runtime:tfjs', 'runtime:both'], bannedExternalImports: ['@tensorflow/*'] },
  { sourceTag: 'runtime:tfjs', notDependOnLibsWithTags: ['runtime:ort', 'runtime:both'] },
];

// The same table, cell by cell, where tags are too coarse: `types` allows only `import type`. `testing` is for tests.
const values = (...rooms) => Object.fromEntries(rooms.map((room) => [room, 'values']));
export const table = {
  'packages/arguments': {},
  'packages/config': values('arguments', 'folder'), // the words for a fault of the disk
  'packages/diffusion': values('arguments'),
  'packages/trace': values('arguments'),
  'packages/folder': values('arguments'),
  'packages/workers': values('arguments'),
  'packages/report': values('arguments'),
  'packages/cli': values('folder'), // the words for a fault of the disk
  'packages/text': values('arguments', 'folder'), // the same
  'packages/curriculum': { config: 'types', ...values('arguments', 'diffusion', 'text') },
  'packages/model': { config: 'types', ...values('arguments', 'diffusion') }, // the random numbers
  'packages/prepare': values('config', 'diffusion', 'text', 'curriculum', 'folder', 'workers'),
  'packages/engine': values('config', 'diffusion', 'model', 'trace', 'folder', 'workers'),
  'packages/provision': { config: 'types', ...values('model', 'trace', 'folder', 'prepare', 'engine') },
  'packages/train': { model: 'types', ...values('config', 'diffusion', 'curriculum', 'folder', 'workers', 'prepare', 'engine') },
  'packages/generate': { config: 'types', 'config/sampling': 'values', ...values('arguments', 'diffusion', 'text', 'folder', 'workers') },
  'apps/trainer': values('config', 'folder', 'prepare', 'engine', 'provision', 'train', 'report', 'cli'),
  'apps/generator': values('config', 'folder', 'generate', 'cli'),
  'apps/mdiff': values('config', 'folder', 'cli'),
};

function tableRule(room, cells, more = []) {
  const names = (kind) => Object.keys(cells).filter((name) => cells[name] === kind && !more.includes(name));
  // An entry such as config/sampling may be granted as values where the rest of its package is granted as types.
  const entries = names('values')
    .filter((name) => name.includes('/'))
    .map((name) => `(?!${name}$)`)
    .join('');
  const patterns = [
    {
      regex: `^@mdiff/(?!(${[...Object.keys(cells), ...more, room.split('/')[1]].join('|')})(/|$))`,
      message: `Not in ${room}'s row of the table in docs/architecture.md.`,
    },
    ...(names('types').length > 0
      ? [
          {
            regex: `^@mdiff/${entries}(${names('types').join('|')})(/|$)`,
            allowTypeImports: true,
            message: `${room} may import only types from it (docs/architecture.md).`,
          },
        ]
      : []),
  ];
  return { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] };
}

const tests = ['**/*.test.ts', '**/*.test.util.ts'];
// Packages that only a room's tests import, to make inputs.
const testsOnly = { 'packages/provision': ['config', 'curriculum', 'diffusion'], 'packages/train': ['model'] };
const tableRules = Object.entries(table).flatMap(([room, cells]) => [
  { files: [`${room}/src/**/*.ts`], ignores: tests, rules: tableRule(room, cells) },
  { files: tests.map((pattern) => `${room}/src/${pattern}`), rules: tableRule(room, cells, ['testing', ...(testsOnly[room] ?? [])]) },
]);

export default defineConfig(
  { ignores: ['**/dist/', '**/node_modules/', 'outputs/', 'cache/', '.nx/', '**/generated/', '**/.venv/'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    plugins: { '@nx': nx },
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off', // indexed access in typed-array code
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  {
    files: ['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts'],
    // A package loaded lazily in one file may be imported in another: the rule guards web bundles; mdiff loads lazily so that commands start fast.
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { enforceBuildableLibDependency: true, allow: [], depConstraints, checkDynamicDependenciesExceptions: ['@mdiff/**'] },
      ],
    },
  },
  {
    files: ['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts', 'apps/*/web/src/**/*.{ts,tsx}'],
    ignores: tests,
    // A function that is longer is several, and one with more parameters takes an object.
    rules: { 'max-lines-per-function': ['error', { max: 80 }] },
  },
  ...tableRules,
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        performance: 'readonly',
        AbortSignal: 'readonly',
        Buffer: 'readonly',
        fetch: 'readonly',
      },
    },
  },
);
