// What sampling costs and how exact it is: each sampler against an exact chain, scoring beside plain scoring, the event loop while a model
// writes, and quality against speed.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FILES } from '@mdiff/folder';
import { loadModel } from '@mdiff/generate';
import { failure, list, oneOf, optionsOf, text, whole } from '../shared/options.mjs';
import { findPython } from '../shared/python.ts';
import { fixed, resultPath, writeChart, writeResult, writeTable, writeTo } from '../shared/results.mjs';
import { delays } from './delay.ts';
import { exactness, noise, strategies, tableOf } from './exactness.ts';
import { points, qualityOf, rowsOf, write } from './frontier.ts';
import { trainJudge } from './judge.mjs';
import { frontierPicture, frontierTable } from './picture.ts';
import { scoring } from './scoring.ts';
import { writeWithTwin } from './twin.ts';

const options = optionsOf({
  name: 'generate',
  about: 'Samplers: distance from an exact distribution, processor time of scoring, delay of the event loop, quality against speed.',
  options: {
    parts: {
      kind: list(oneOf(['exactness', 'scoring', 'delay', 'frontier'])),
      default: 'exactness,scoring',
      help: 'what to measure; the last two need --model',
    },
    model: { kind: text('folder'), help: 'a model folder' },
    draws: { kind: whole(1000), default: 40000, help: 'texts of each sampler on the exact chain' },
    rounds: { kind: whole(1), default: 15, help: 'rounds of scoring; the best counts' },
    batches: { kind: list(whole(1, 256)), default: '1,8,32', help: 'texts at once, for the frontier' },
    sampler: { kind: text('name'), many: true, help: 'points of the frontier whose names begin so; may be repeated (default: all)' },
    corpus: { kind: text('source'), many: true, help: 'a further text that the judge has read; may be repeated' },
    tokens: { kind: whole(8), default: 64, help: 'new tokens of each text of the frontier' },
    threads: {
      kind: whole(0, 256),
      default: 0,
      help: 'threads inside an operator, of mdiff and of PyTorch; 0 = what mdiff chooses, and the better of one and all cores for PyTorch',
    },
    quality: { kind: text('file'), help: 'take the judged texts from these figures of the same model, and measure the speed alone' },
    python: { kind: text('path'), help: 'a Python that has PyTorch (default: bench/generate/peers/.venv, made once)' },
    preset: { kind: text('name'), default: 'quickstart_scratch', help: 'whose book the judge of the frontier has read' },
    out: { kind: text('file'), help: 'write the figures there instead of bench/results/' },
  },
});

const needsModel = options.parts.some((part) => part === 'delay' || part === 'frontier');
if (needsModel && options.model === undefined) throw failure('delay and frontier need --model <folder>', 'MDIFF_USAGE', 2);

const TWIN = 'the twin in PyTorch, with a cache';
const wanted = (name) => options.sampler.length === 0 || options.sampler.some((one) => name.startsWith(one));

const rounded = (row, digits) =>
  Object.fromEntries(Object.entries(row).map(([key, value]) => [key, typeof value === 'number' ? fixed(value, digits) : value]));

const parts = {
  async exactness() {
    const rows = [];
    for (const strategy of strategies) rows.push(rounded(await exactness(strategy, options.draws), 4));
    const { mean, deviation } = noise(options.draws);
    console.log(`${options.draws} draws; an exact sampler has a total variation of ${mean.toFixed(4)} ± ${deviation.toFixed(4)}`);
    console.log(tableOf(rows, options.draws));
    return { draws: options.draws, rows };
  },
  async scoring() {
    const rows = scoring(options.rounds).map((row) => rounded(row, 3));
    console.table(rows);
    return rows;
  },
  async delay(model) {
    const settings = { sampler: 'confidence', temperature: 0.8, topP: 0.95, numSteps: 32, blockLength: null, n: 2, seed: 1 };
    const { equal, rows } = await delays(model, settings);
    if (!equal) throw failure('the two threads wrote different texts');
    const measured = rows.map((row) => rounded(row, 3));
    console.table(measured);
    return measured;
  },
  async frontier(model) {
    const before = options.quality === undefined ? undefined : JSON.parse(readFileSync(options.quality, 'utf8')).frontier;
    if (before && before.tokens !== options.tokens)
      throw failure(`--quality: those texts have ${before.tokens} tokens, and these ${options.tokens}`);
    const judge = before ? undefined : await trainJudge(model, options.preset, options.corpus);
    const qualityBy = new Map(before?.rows.map(({ name, judged, distinct }) => [name, { judged, distinct }]));
    const rows = [];
    const add = (name, written) => {
      const texts = written.reduce((most, one) => (one.batch > most.batch ? one : most)).texts;
      const quality = judge ? qualityOf(judge, texts, model.tokenizer.special.bos) : qualityBy.get(name);
      if (!quality) throw failure(`--quality: ${options.quality} has no "${name}"`);
      rows.push(...rowsOf(name, written, options.tokens, quality).map((row) => rounded(row, 3)));
      for (const row of rows.slice(-written.length)) console.log(JSON.stringify(row));
    };
    const opened = new Map();
    const modelOf = async (load) => {
      if (load === undefined) return model;
      if (!existsSync(join(options.model, load.cache ? FILES.block : FILES.quantizedCausal))) return undefined;
      const key = JSON.stringify(load);
      if (!opened.has(key)) opened.set(key, await loadModel(options.model, { ...load, threads: options.threads }));
      return opened.get(key);
    };
    // The speed of a shared host changes within minutes, so the twin is measured right behind mdiff's own cache.
    let twin = wanted(TWIN) && Boolean(model.openWriter);
    const measureTwin = async () => {
      if (!twin) return;
      twin = false;
      const found = findPython(options.python, { folder: 'generate/peers', what: 'PyTorch' });
      if (found.missing) console.log(`the twin in PyTorch is left out: ${found.missing}`);
      else add(TWIN, await writeWithTwin({ ...options, python: found.python, folder: options.model, model }));
    };
    for (const point of points.filter(({ name }) => wanted(name))) {
      if (point.options.sampler === 'causal' && !model.openWriter) continue;
      const one = await modelOf(point.load);
      if (one === undefined) continue;
      const written = [];
      for (const batch of options.batches) written.push(await write(one, point, { batch, tokens: options.tokens }));
      add(point.name, written);
      if (point.options.sampler === 'causal') await measureTwin();
    }
    await measureTwin();
    for (const one of opened.values()) await one.close();
    const sorted = options.batches.flatMap((batch) => rows.filter((row) => row.batch === batch));
    console.log(frontierTable(sorted));
    if (options.out === undefined) {
      writeChart('generation-frontier', frontierPicture(sorted));
      writeTable('docs/guides/samplers.md', 'frontier', frontierTable(sorted));
    } else writeFileSync(`${options.out}.svg`, frontierPicture(sorted));
    return { tokens: options.tokens, threads: options.threads, rows: sorted };
  },
};

const path = resultPath('generate');
const figures = options.out === undefined && existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
const model = needsModel ? await loadModel(options.model, { threads: options.threads }) : undefined;
for (const part of options.parts) figures[part] = await parts[part](model);
await model?.close();
if (options.out === undefined) writeResult('generate', figures);
else writeTo(options.out, figures);
