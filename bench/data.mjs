// Scoring the difficulty of a book, from starting the process to the scores, with nothing cached: ours beside a Python stack with the same signals
// (NLTK or spaCy, sentence-transformers or scikit-learn's SVD, k-means), given the same sentences.
// npm run bench -- data [book] [--rounds 3] [--threads 0] [--arms encoder,tfidf] [--python PATH] [--out FILE]
// npm run bench -- data --large 25,50,200 [--syntax 0.3]: ours alone, on texts of that many megabytes; 0 leaves parsing out
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ProjectConfig } from '@mdiff/config';
import { listSentences } from '@mdiff/curriculum/scores';
import { loadSource } from '@mdiff/text/node';
import { fetchEncoder } from '@mdiff/train';
import { writeLarge } from './data/large.ts';
import { measure } from './data/processes.ts';
import { findPython } from './python.ts';
import { median } from './train/summary.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '0' },
    arms: { type: 'string', default: 'encoder,tfidf' },
    large: { type: 'string' },
    syntax: { type: 'string', default: '0.3' },
    python: { type: 'string' },
    out: { type: 'string' },
  },
});
const fail = (message, code = 'MDIFF_USAGE', exitCode = 2) => { throw Object.assign(new Error(message), { code, exitCode }); };
const number = (option, value, low, high) => (Number(value) >= low && Number(value) <= high ? Number(value) : fail(`--${option}: expected a number from ${low} to ${high}, got "${value}"`));
const rounds = number('rounds', options.rounds, 1, 100);
const threads = number('threads', options.threads, 0, 1024) || availableParallelism();
const chosen = options.arms.split(',').map((arm) => (['encoder', 'tfidf'].includes(arm) ? arm : fail(`--arms: expected names out of encoder, tfidf, got "${arm}"`)));
const source = positionals[0] ?? 'builtin:moby-dick';

console.log('compiling our packages');
if (spawnSync(process.execPath, [createRequire(import.meta.url).resolve('typescript/bin/tsc'), '-b', fileURLToPath(new URL('.', import.meta.url))], { stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0) {
  console.log('tsc -b bench found errors: what was compiled last is measured');
}
const ours = ['node', process.execPath, [fileURLToPath(new URL('dist/data/ours.js', import.meta.url))]];
const { documents } = await loadSource(source);
const sentences = listSentences(documents.flatMap(({ sections }) => sections));
const request = { seed: 42, clusters: 8, processes: threads };
const fixed = (value, digits) => Number(value.toFixed(digits));
const machine = () => ({ cpu: cpus()[0]?.model ?? process.arch, threads, load: loadavg()[0], node: process.version });

/** Memory and time as a text grows: what is held must not grow with the embeddings. */
async function large(sizes) {
  const folder = mkdtempSync(join(tmpdir(), 'mdiff-bench-'));
  try {
    for (const size of sizes) {
      const file = join(folder, `${size}.txt`);
      writeLarge(file, sentences, size * 1e6, request.seed);
      const { answer, seconds } = await measure(ours[1], ours[2], { ...request, file, encoder: null, syntax: number('syntax', options.syntax, 0, 0.6) });
      console.log(`${size} MB: ${answer.sentences} sentences, ${answer.scored} scored, ${seconds.toFixed(0)} s (reading and splitting ${answer.parts.sentences.toFixed(0)}), peak ${answer.peak_mb} MB`);
      rmSync(file);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare() {
  const found = findPython(options.python, { folder: 'peers-data', what: 'NLTK, spaCy, scikit-learn and sentence-transformers', prepare: 'tagger.py' });
  if (!found.python) fail(`${found.missing}; there is nothing to compare with`, 'MDIFF_BENCH', 1);
  const score = fileURLToPath(new URL('peers-data/score.py', import.meta.url));
  const python = (tagger) => [`python_${tagger}`, found.python, [score], tagger];
  const encoder = chosen.includes('encoder') ? resolve((await fetchEncoder({ cacheDir: ProjectConfig.default().cache_dir, note: console.log })).folder) : null;
  const rows = [];
  for (const arm of chosen) {
    console.log(`\n${arm === 'encoder' ? 'all-MiniLM-L6-v2' : 'tf-idf and SVD'}, ${sentences.length} sentences of ${source}, ${threads} threads`);
    const field = [ours, python('nltk'), python('spacy')];
    const turns = new Map(field.map(([name]) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      // Another neighbour each round.
      for (let i = 0; i < field.length; i++) {
        const [name, command, args, tagger] = field[(i + round) % field.length];
        const asked = { ...request, sentences, encoder: arm === 'encoder' ? encoder : null, ...(tagger && { tagger }) };
        const turn = await measure(command, args, asked, { ORT_DISABLE_TELEMETRY: '1', TOKENIZERS_PARALLELISM: 'true', PYTHONDONTWRITEBYTECODE: '1', HF_HUB_OFFLINE: '1' });
        turns.get(name).push(turn);
        console.log(`  ${name}: ${turn.seconds.toFixed(1)} s, ${turn.answer.cpu_seconds.toFixed(1)} of processors, ${turn.peak_mb} MB, ${turn.answer.scored} scored`);
      }
    }
    for (const [name, own] of turns) {
      const ratios = own.map(({ seconds }, round) => turns.get('node')[round].seconds / seconds);
      const { scored, length_correlation } = own[0].answer;
      rows.push({
        arm,
        side: name,
        scored,
        seconds: fixed(median(own.map(({ seconds }) => seconds)), 2),
        cpu_seconds: fixed(median(own.map(({ answer }) => answer.cpu_seconds)), 2),
        peak_mb: Math.max(...own.map(({ peak_mb }) => peak_mb)),
        ours_over_this: name === 'node' ? null : fixed(median(ratios), 3),
        rounds: own.map(({ seconds }) => fixed(seconds, 2)),
        length_correlation,
      });
      if (name !== 'node') console.log(`${arm}: ours takes ${median(ratios).toFixed(2)} of the time of ${name}`);
    }
  }
  const out = options.out ?? (positionals.length === 0 ? new URL('results/data.json', import.meta.url) : undefined);
  if (!out) return;
  // The arms that were not measured this time stay as they were.
  const kept = existsSync(out) ? JSON.parse(readFileSync(out, 'utf8')).arms : {};
  const arms = Object.fromEntries(chosen.map((arm) => [arm, { machine: machine(), date: new Date().toISOString(), source, sentences: sentences.length, rows: rows.filter((row) => row.arm === arm) }]));
  writeFileSync(out, `${JSON.stringify({ arms: { ...kept, ...arms } }, null, 1)}\n`);
  console.log(out instanceof URL ? 'bench/results/data.json' : out);
}

if (options.large === undefined) await compare();
else await large(options.large.split(',').map((size) => number('large', size, 0.1, 10_000)));
