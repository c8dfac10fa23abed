// The API reference: TypeDoc reads the declarations that `tsc -b` built, one page an entry of a package.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Application } from 'typedoc';

const read = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** The entries of every published package: name as one imports it, and its declarations. */
export function entriesOf(root) {
  return ['packages', 'apps'].flatMap((room) =>
    readdirSync(join(root, room))
      .map((name) => join(root, room, name))
      .filter((folder) => existsSync(join(folder, 'src')) && !read(join(folder, 'package.json')).private)
      .flatMap((folder) => {
        const { name, exports = {} } = read(join(folder, 'package.json'));
        return Object.entries(exports)
          .filter(([, target]) => typeof target === 'object' && target.types !== undefined)
          .map(([entry, target]) => ({ name: name + entry.slice(1), file: join(folder, target.types) }));
      }),
  );
}

/** Writes the pages to `out` and returns their names in order. A warning of TypeDoc is an error. */
export async function writeReference(root, out) {
  const entries = entriesOf(root);
  const missing = entries.filter(({ file }) => !existsSync(file));
  if (missing.length > 0) throw new Error(`${missing[0].file} is missing: run npx tsc -b first`);
  mkdirSync(out, { recursive: true });
  const tsconfig = join(out, '..', 'tsconfig.json');
  const compilerOptions = {
    ...{ target: 'ES2022', lib: ['ES2023', 'DOM'], module: 'NodeNext', moduleResolution: 'NodeNext', strict: true, skipLibCheck: true },
    ...{ noEmit: true, types: ['node'], typeRoots: [join(root, 'node_modules/@types')] },
  };
  writeFileSync(tsconfig, JSON.stringify({ compilerOptions, files: entries.map(({ file }) => file) }));
  const app = await Application.bootstrapWithPlugins({
    entryPoints: entries.map(({ file }) => file),
    tsconfig,
    plugin: ['typedoc-plugin-markdown'],
    out,
    readme: 'none',
    name: 'API reference',
    disableSources: true,
    skipErrorChecking: true,
    excludePrivate: true,
    excludeExternals: true,
    gitRevision: 'main',
    logLevel: 'Warn',
    treatWarningsAsErrors: true,
    // Types of a package that it does not export by name are described where they are used.
    validation: { notExported: false, invalidLink: true, invalidPath: false, notDocumented: false },
    outputFileStrategy: 'modules',
    entryFileName: 'index',
    hidePageHeader: true,
    hideBreadcrumbs: true,
    useCodeBlocks: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    propertyMembersFormat: 'table',
    sanitizeComments: true,
    flattenOutputFiles: true,
  });
  const project = await app.convert();
  if (project === undefined || app.logger.hasErrors()) throw new Error('TypeDoc could not read the packages');
  // TypeDoc names an entry by its path; a reader knows it by what one imports.
  const pathOf = (file) => relative(root, file).replace(/(\/index)?\.d\.ts$/, '');
  const names = new Map(entries.map(({ name, file }) => [pathOf(file), name]));
  for (const module of project.children ?? []) module.name = names.get(module.name) ?? module.name;
  await app.generateOutputs(project);
  if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error('TypeDoc warned; see above');
  return (project.children ?? []).map(({ name }) => name);
}
