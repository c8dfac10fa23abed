// Validation throughput of one and the same document: Ajv standalone code (what @mdiff/config runs), zod, pydantic. Side by side, one process each in turn.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProjectConfig, jsonSchema, leafKeys } from '@mdiff/config';
import { z } from 'zod';
import { validate } from '../../packages/config/src/generated/validator.ts';
import { root } from '../../tools/workspace.mjs';
import { number, optionsOf, text, whole } from '../shared/options.mjs';
import { writeResult } from '../shared/results.mjs';

const options = optionsOf({
  name: 'config',
  about: 'Validated documents per CPU second: the generated validator beside zod and, where it is installed, pydantic.',
  options: {
    python: { kind: text('path'), help: 'a Python with pydantic (default: that of .venv, else python3)' },
    seconds: { kind: number(0.01, 60), default: 0.5, help: 'CPU time of a round' },
    fuzz: { kind: whole(1), help: 'also run the whole fuzz, with this many documents' },
  },
});
const { seconds } = options;
const venv = join(root, '.venv/bin/python');
const python = options.python ?? (existsSync(venv) ? venv : 'python3');

// `extends` takes two types at once, which no peer writes the same way; no resolved document has it.
const schema = jsonSchema();
delete schema.properties.extends;

/** The zod schema that accepts the same documents. */
function zodOf(node) {
  if (node.properties) {
    const shape = Object.entries(node.properties).map(([key, child]) => [
      key,
      node.required?.includes(key) ? zodOf(child) : zodOf(child).optional(),
    ]);
    return z.strictObject(Object.fromEntries(shape));
  }
  if (node.enum) return typeof node.enum[0] === 'string' ? z.enum(node.enum) : z.union(node.enum.map((value) => z.literal(value)));
  const types = [node.type].flat();
  const type = types.find((word) => word !== 'null');
  const limit = (made, bounds) =>
    bounds.reduce((before, [word, method]) => (node[word] === undefined ? before : before[method](node[word])), made);
  const number = [
    ['minimum', 'gte'],
    ['maximum', 'lte'],
    ['exclusiveMinimum', 'gt'],
    ['exclusiveMaximum', 'lt'],
  ];
  const made = {
    boolean: () => z.boolean(),
    integer: () => limit(z.int(), number),
    number: () => limit(z.number(), number),
    string: () =>
      limit(node.pattern ? z.string().regex(new RegExp(node.pattern)) : z.string(), [
        ['minLength', 'min'],
        ['maxLength', 'max'],
      ]),
    array: () =>
      Array.isArray(node.items)
        ? z.tuple(node.items.map(zodOf))
        : limit(z.array(zodOf(node.items)), [
            ['minItems', 'min'],
            ['maxItems', 'max'],
          ]),
  }[type]();
  return types.includes('null') ? made.nullable() : made;
}

// Every key of a resolved configuration; and the same with three errors.
const valid = JSON.parse(JSON.stringify(ProjectConfig.default()));
const invalid = JSON.parse(JSON.stringify(valid));
invalid.training.batch_size = 0;
invalid.model.activation = 'swigl';
invalid.model.n_head = 3;
const documents = { valid, invalid };

function rate(check, document) {
  const outcome = check(document);
  for (let i = 0; i < 2000; i += 1) check(document);
  let best = 0;
  for (let round = 0; round < 5; round += 1) {
    let count = 0;
    const start = process.cpuUsage();
    const used = () => {
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1e6;
    };
    while (used() < seconds) {
      for (let i = 0; i < 100; i += 1) check(document);
      count += 100;
    }
    best = Math.max(best, count / used());
  }
  return { valid: outcome, per_second: best };
}
const over = (check) => Object.fromEntries(Object.entries(documents).map(([name, document]) => [name, rate(check, document)]));

const require = createRequire(import.meta.url);
const zod = zodOf(schema);
const peers = {
  'mdiff (Ajv standalone)': {
    version: require('../../packages/config/package.json').version,
    results: over((document) => validate(document)),
  },
  zod: { version: require('zod/package.json').version, results: over((document) => zod.safeParse(document).success) },
};

const peer = spawnSync(python, [fileURLToPath(new URL('pydantic_peer.py', import.meta.url))], {
  input: JSON.stringify({ schema, documents, seconds }),
  encoding: 'utf8',
});
if (peer.status === 0) peers.pydantic = JSON.parse(peer.stdout);
else
  console.log(
    `pydantic left out: ${python} says ${String(peer.stderr ?? peer.error?.message)
      .trim()
      .split('\n')
      .at(-1)}`,
  );

// The whole path of a text: parse, guard, validate, rules, defaults, freeze.
const example = readFileSync(new URL('../../packages/config/fixtures/example.yaml', import.meta.url), 'utf8');
const fromText = rate(() => ProjectConfig.parse(example) !== undefined, null).per_second;

for (const [name, { results }] of Object.entries(peers)) {
  if (!results.valid.valid || results.invalid.valid) throw new Error(`${name} does not judge the documents as expected`);
}
console.log('documents/s             valid     with 3 errors');
for (const [name, { results }] of Object.entries(peers))
  console.log(name.padEnd(24), String(Math.round(results.valid.per_second)).padEnd(9), Math.round(results.invalid.per_second));
console.log(`example.yaml, text to frozen configuration: ${Math.round(fromText)}/s`);

const round = (value) => Math.round(value);
const report = {
  keys: leafKeys().length,
  cpu: cpus()[0].model,
  node: process.version,
  cpu_seconds_per_round: seconds,
  rounds: 5,
  best_of_rounds: true,
  documents_per_second: Object.fromEntries(
    Object.entries(peers).map(([name, { version, results }]) => [
      name,
      { version, valid: round(results.valid.per_second), invalid: round(results.invalid.per_second) },
    ]),
  ),
  example_yaml_per_second: round(fromText),
};

if (options.fuzz !== undefined) {
  const start = performance.now();
  const run = spawnSync('npx', ['vitest', 'run', '--project', 'config', 'src/fuzz'], {
    cwd: root,
    env: { ...process.env, MDIFF_FUZZ: String(options.fuzz) },
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`fuzz: ${run.stdout}${run.stderr}`);
  report.fuzz = { documents: options.fuzz, seconds: round((performance.now() - start) / 1000), crashes: 0, limit_ms: 100 };
  console.log(`fuzz: ${options.fuzz} documents, no crash, none above 100 ms, ${report.fuzz.seconds} s`);
}

writeResult('config', report, 2);
