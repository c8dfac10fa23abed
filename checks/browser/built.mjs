// A page of this repository as Vite builds it for any web host, from the packages' sources.
import { build } from 'vite';

/** Builds the page in the folder `root` into `outDir`. */
export async function buildPage(root, outDir) {
  await build({
    root,
    base: './',
    logLevel: 'warn',
    configFile: false,
    resolve: { conditions: ['@mdiff/source', 'module', 'browser'] },
    worker: { format: 'es' },
    build: { outDir, emptyOutDir: true, target: 'es2022' },
  });
}
