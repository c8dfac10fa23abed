// Scoring the difficulty of a book, from starting the process to the scores, with nothing cached: mdiff beside a Python stack with the same
// signals (NLTK or spaCy, sentence-transformers or scikit-learn's SVD, k-means), given the same sentences.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProjectConfig } from '@mdiff/config';
import { listSentences } from '@mdiff/curriculum/scores';
import { loadSource } from '@mdiff/text/node';
import { fetchEncoder } from '@mdiff/provision';
import { compilePackages } from '../shared/compile.mjs';
import { median } from '../shared/median.ts';
import { failure, list, number, oneOf, optionsOf, text, whole } from '../shared/options.mjs';
import { findPython } from '../shared/python.ts';
import { fixed, resultPath, writeResult, writeTo } from '../shared/results.mjs';
import { writeLarge } from './large.ts';
import { measure } from './processes.ts';

const options = optionsOf({
  name: 'data',
  about: 'Difficulty scores of a book, from starting the process to the last score: mdiff beside a Python stack.',
  argument: 'book',
  options: {
    rounds: { kind: whole(1, 100), default: 3, help: 'turns of each side' },
    threads: { kind: whole(0, 1024), default: 0, help: 'threads of each side; 0 takes all' },
    arms: { kind: list(oneOf(['encoder', 'tfidf'])), default: 'encoder,tfidf', help: 'how sentences become vectors' },
    large: { kind: list(number(0.1, 10_000)), help: 'mdiff alone, on texts of so many megabytes' },
    syntax: { kind: number(0, 0.6), default: 0.3, help: 'with --large: weight of syntax; 0 leaves parsing out' },
    python: { kind: text('path'), help: "a Python with the peers' libraries (default: bench/data/peers/.venv, made once)" },
    out: { kind: text('file'), help: 'where a run on another book leaves its figures' },
  },
});
const { rounds, arms: chosen } = options;
const threads = options.threads || availableParallelism();
const source = options.argument ?? 'builtin:moby-dick';

if (!compilePackages()) console.log('tsc -b bench found errors: what was compiled last is measured');
const ours = ['node', process.execPath, [fileURLToPath(new URL('../dist/data/ours.js', import.meta.url))]];
const { documents } = await loadSource(source);
const sentences = listSentences(documents.flatMap(({ sections }) => sections));
const request = { seed: 42, clusters: 8, processes: threads };
const machine = () => ({ cpu: cpus()[0]?.model ?? process.arch, threads, load: loadavg()[0], node: process.version });

/** Memory and time as a text grows: what is held must not grow with the embeddings. */
async function large(sizes) {
  const folder = mkdtempSync(join(tmpdir(), 'mdiff-bench-'));
  try {
    for (const size of sizes) {
      const file = join(folder, `${size}.txt`);
      writeLarge(file, sentences, size * 1e6, request.seed);
      const { answer, seconds } = await measure(ours[1], ours[2], { ...request, file, encoder: null, syntax: options.syntax });
      console.log(
        `${size} MB: ${answer.sentences} sentences, ${answer.scored} scored, ${seconds.toFixed(0)} s (reading and splitting ${answer.parts.sentences.toFixed(0)}), peak ${answer.peak_mb} MB`,
      );
      rmSync(file);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare() {
  const found = findPython(options.python, {
    folder: 'data/peers',
    what: 'NLTK, spaCy, scikit-learn and sentence-transformers',
    prepare: 'tagger.py',
  });
  if (!found.python) throw failure(`${found.missing}; there is nothing to compare with`);
  const score = fileURLToPath(new URL('peers/score.py', import.meta.url));
  const python = (tagger) => [`python_${tagger}`, found.python, [score], tagger];
  const encoder = chosen.includes('encoder')
    ? resolve((await fetchEncoder({ cacheDir: ProjectConfig.default().cache_dir, note: console.log })).folder)
    : null;
  const rows = [];
  for (const arm of chosen) {
    console.log(
      `\n${arm === 'encoder' ? 'all-MiniLM-L6-v2' : 'tf-idf and SVD'}, ${sentences.length} sentences of ${source}, ${threads} threads`,
    );
    const field = [ours, python('nltk'), python('spacy')];
    const turns = new Map(field.map(([name]) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      // Each round begins with another side, so that none always follows the same one.
      for (let i = 0; i < field.length; i++) {
        const [name, command, args, tagger] = field[(i + round) % field.length];
        const asked = { ...request, sentences, encoder: arm === 'encoder' ? encoder : null, ...(tagger && { tagger }) };
        const turn = await measure(command, args, asked, {
          ORT_DISABLE_TELEMETRY: '1',
          TOKENIZERS_PARALLELISM: 'true',
          PYTHONDONTWRITEBYTECODE: '1',
          HF_HUB_OFFLINE: '1',
        });
        turns.get(name).push(turn);
        console.log(
          `  ${name}: ${turn.seconds.toFixed(1)} s, ${turn.answer.cpu_seconds.toFixed(1)} of processors, ${turn.peak_mb} MB, ${turn.answer.scored} scored`,
        );
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
  save(rows);
}

/** Writes the arms that were measured; those of an earlier run stay as they were. */
function save(rows) {
  const file = options.out ?? (options.argument === undefined ? resultPath('data') : undefined);
  if (file === undefined) return;
  const kept = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).arms : {};
  const measured = Object.fromEntries(
    chosen.map((arm) => [
      arm,
      {
        machine: machine(),
        date: new Date().toISOString(),
        source,
        sentences: sentences.length,
        rows: rows.filter((row) => row.arm === arm),
      },
    ]),
  );
  const result = { arms: { ...kept, ...measured } };
  if (options.out) writeTo(options.out, result);
  else writeResult('data', result);
}

if (options.large === undefined) await compare();
else await large(options.large);
