// Records how a model fills a text, for the start page and the picture of the README: every step of one run, with its seed, in denoising.json
// and docs/denoising.svg.
//   node --conditions=@mdiff/source --import tsx docs/site/record.mjs MODEL_FOLDER NAME
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { framesOf, infill, loadModel } from '../../packages/generate/src/index.ts';
import { pictureOf } from './picture.mjs';

const [folder, name] = process.argv.slice(2);
if (name === undefined) throw new Error('give a model folder, and a name for the model');
const request = {
  parts: ['The captain stood upon the deck, and', { gap: 14 }, ' when the storm was over.'],
  seed: 7,
  sampler: 'first_hitting',
};

const model = await loadModel(folder);
const sampling = { sampler: request.sampler, temperature: 0.7, topP: 0.9 };
const frame = framesOf(model, { first: 0, sampling });
const frames = [];
await infill(model, request.parts, { ...sampling, seed: request.seed, onStep: (step) => frames.push(frame(step).pieces) });
await model.close();

// A piece is [text] if it was given, [text, probability] if the model wrote it, and [] if it is still masked.
const short = (piece) =>
  piece.state === 'given' ? [piece.text] : piece.state === 'mask' ? [] : [piece.text, Number(piece.confidence.toFixed(3))];
const first = frames[0].map((piece) => (piece.state === 'given' ? piece : { state: 'mask' }));
const run = { model: name, ...request, ...sampling, frames: [first, ...frames].map((pieces) => pieces.map(short)) };
const place = (file) => join(import.meta.dirname, file);
writeFileSync(place('denoising.json'), `${JSON.stringify(run)}\n`);
writeFileSync(place('../denoising.svg'), pictureOf(run));
execFileSync('npx', ['prettier', '--write', place('denoising.json')], { stdio: 'inherit' });
console.log(
  run.frames
    .at(-1)
    .map(([text]) => text)
    .join(''),
  `${readFileSync(place('denoising.json')).length} bytes`,
);
