import { defineConfig } from 'vite';
import { viteSingleFile } from 'vite-plugin-singlefile';

/** The page is one file, so that it works from a disk, in a mail and on any static host. */
export default defineConfig({
  base: './',
  plugins: [viteSingleFile({ removeViteModuleLoader: true })],
  build: { outDir: '../dist/page', emptyOutDir: true, target: 'es2023' },
});
