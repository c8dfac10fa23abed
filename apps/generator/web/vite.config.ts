import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

// The page works under any path of any host, so every URL in it is relative.
export default defineConfig({
  root: path('.'),
  base: './',
  publicDir: false,
  logLevel: 'warn',
  // The files of ONNX Runtime are large, and only a site needs them: `mdiff export-site` puts them beside the page.
  resolve: { conditions: ['@mdiff/source', 'onnxruntime-web-use-extern-wasm', 'module', 'browser', 'default'] },
  worker: { format: 'es' },
  build: {
    outDir: path('../dist/web'),
    emptyOutDir: true,
    assetsDir: 'assets',
    target: 'es2022',
    // A data: URL would need an exception in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: { index: path('index.html'), sw: path('src/serviceworker.ts') },
      // A service worker stands under an address that does not change.
      output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
});
