// mdiff's side of the comparison, a process of its own: reads the request that peers/score.py reads, scores with nothing cached, writes one line of JSON.
import { text } from 'node:stream/consumers';
import { projectConfig } from '@mdiff/config';
import { listSentences, scoreSentences } from '@mdiff/curriculum/scores';
import { loadSource } from '@mdiff/text/node';
import { openScoring } from '@mdiff/prepare';
import type { Answer, Request } from './request.js';

const request = JSON.parse(await text(process.stdin)) as Request;
const { seed, clusters, encoder, processes, syntax = 0.3 } = request;
const { curriculum, data, ...config } = projectConfig({
  seed,
  curriculum: {
    embedding_model: encoder ?? 'tfidf-svd',
    n_clusters: clusters,
    lexical_weight: 0.6 - syntax,
    syntactic_weight: syntax,
    centrality_weight: 0.4,
  },
  hardware: { cpu_threads: processes },
});
const parts: Record<string, number> = {};
let last = 0;
const lap = (name: string): void => {
  // performance.now() counts from the start of the process.
  parts[name] = Math.round(performance.now() - last) / 1000;
  last = performance.now();
};
lap('start');
const sentences = request.sentences ?? listSentences((await loadSource(request.file!)).documents.flatMap(({ sections }) => sections));
lap('sentences');
const { options, close } = await openScoring({ curriculum, data, ...config });
const { complexity, report } = await scoreSentences(sentences, { curriculum, data, seed, ...options }).finally(close);
lap('scores');

const scored = complexity.filter((value) => !Number.isNaN(value));
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
const answer: Answer = {
  sentences: sentences.length,
  scored: report.scored,
  peak_mb: Math.round(maxRSS / 1024),
  cpu_seconds: (userCPUTime + systemCPUTime) / 1e6,
  length_correlation: Object.fromEntries(Object.entries(report.length_correlation).map(([name, { rank }]) => [name, rank])),
  mean_complexity: scored.reduce((sum, value) => sum + value, 0) / scored.length,
  parts,
};
console.log(JSON.stringify(answer));
