// The page that suite.mjs drives: the browser entry of @mdiff/generate, as a bundler delivers it.
import * as mdiff from '@mdiff/generate/browser';

globalThis.mdiff = mdiff;
