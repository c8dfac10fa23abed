import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

// Who may import whom (docs/architecture.md has the table). Tags stand in each package.json.
const depConstraints = [
  { sourceTag: 'layer:leaf', onlyDependOnLibsWithTags: ['layer:leaf', 'layer:dev'] },
  { sourceTag: 'layer:lib', onlyDependOnLibsWithTags: ['layer:leaf', 'layer:lib', 'layer:dev'] },
  { sourceTag: 'layer:app', onlyDependOnLibsWithTags: ['layer:leaf', 'layer:lib', 'layer:app', 'layer:dev'] },
  { sourceTag: 'layer:dev', onlyDependOnLibsWithTags: ['*'] },
  // A package without a runtime must not pull one in; a generator install never pulls TensorFlow.js.
  { sourceTag: 'runtime:none', notDependOnLibsWithTags: ['runtime:tfjs', 'runtime:both'], bannedExternalImports: ['@tensorflow/*', 'onnxruntime-*'] },
  { sourceTag: 'runtime:ort', notDependOnLibsWithTags: ['runtime:tfjs', 'runtime:both'], bannedExternalImports: ['@tensorflow/*'] },
  { sourceTag: 'runtime:tfjs', notDependOnLibsWithTags: ['runtime:ort', 'runtime:both'] },
];

export default defineConfig(
  { ignores: ['**/dist/', '**/node_modules/', 'outputs/', 'cache/', '.nx/', '**/generated/'] },
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
    rules: { '@nx/enforce-module-boundaries': ['error', { enforceBuildableLibDependency: true, allow: [], depConstraints }] },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly', setTimeout: 'readonly', clearTimeout: 'readonly', performance: 'readonly', Buffer: 'readonly', fetch: 'readonly' } },
  },
);
