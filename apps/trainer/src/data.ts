import { addConfigFlags, layersOf, print, settingsOf, type ConfigFlags } from '@mdiff/cli';
import { formatIssue, loadProject } from '@mdiff/config';
import { inspectText, type Inspection } from '@mdiff/prepare';
import type { Command } from 'commander';
import { addReport } from './report.js';
import { sayOverridden, sourceOf } from './sources.js';

const SHOWN = 3;
const number = (value: number): string => value.toLocaleString('en');
const plural = (value: number, noun: string): string => `${number(value)} ${noun}${value === 1 ? '' : 's'}`;
const short = (text: string, length = 50): string => (text.length > length ? `${text.slice(0, length - 1)}…` : text).replace(/\s+/g, ' ');

/** An inspection for people: one line a fact, then what was removed. `all` lists every removal. */
function describe(inspection: Inspection, all = false): string {
  const { paragraphs, held_out: held } = inspection;
  const kinds = [
    paragraphs.verse > 0 && `${number(paragraphs.verse)} verse`,
    paragraphs.heading > 0 && plural(paragraphs.heading, 'heading'),
  ]
    .filter(Boolean)
    .join(', ');
  const total = paragraphs.prose + paragraphs.verse + paragraphs.heading;
  const rows: [string, string][] = [
    [
      'title',
      `${inspection.titles
        .slice(0, SHOWN)
        .map((title) => short(title))
        .join('; ')}${inspection.titles.length > SHOWN ? '; …' : ''}`,
    ],
    [
      'read as',
      Object.entries(inspection.read)
        .map(([kind, files]) => (files === 1 ? kind : `${kind} (${number(files)} files)`))
        .join(', '),
    ],
    [
      'documents',
      `${number(inspection.documents)}, of ${plural(inspection.sections, 'section')} and ${plural(total, 'paragraph')}${kinds && ` (${kinds})`}`,
    ],
    ['sentences', number(inspection.sentences)],
    ['words', `${number(inspection.words)} in ${number(inspection.bytes)} bytes`],
    [
      'tokens',
      `${number(inspection.tokens)}, ${(inspection.bytes / inspection.tokens).toFixed(2)} bytes each, from a vocabulary of ${number(inspection.vocabulary.size)} (${inspection.vocabulary.from})`,
    ],
    [
      'held out',
      held.documents === 0
        ? 'nothing'
        : held.source === undefined
          ? `${number(held.documents)} of ${plural(held.of, held.unit.slice(0, -1))}, ${plural(held.tokens, 'token')} (training.val_split ${held.share})`
          : `${plural(held.documents, held.unit.slice(0, -1))}, ${plural(held.tokens, 'token')} from ${held.source} (data.val_source)`,
    ],
    [
      'repeated',
      `${plural(inspection.repeated, 'paragraph')} word for word; ${plural(inspection.across.length, 'held-out paragraph')} nearly the same as one to train on`,
    ],
    ...inspection.across
      .slice(0, all ? undefined : SHOWN)
      .map(({ similarity, held_out, train }): [string, string] => [
        '',
        `${Math.round(100 * similarity)} %: "${short(held_out)}" and "${short(train)}"`,
      ]),
    ...inspection.notes.map((note, i): [string, string] => [i === 0 ? 'notes' : '', note]),
  ];
  const lines = [inspection.source, ...rows.map(([name, value]) => `  ${name.padEnd(10)} ${value}`)];
  if (inspection.removed.length === 0) return [...lines, '  removed    nothing'].join('\n');
  lines.push(`  removed    ${number(inspection.removed.length)}, with their lines:`);
  const shown = new Map<string, number>();
  for (const { where, from, to, what, sample } of inspection.removed) {
    const seen = (shown.get(what) ?? 0) + 1;
    shown.set(what, seen);
    if (all || seen <= SHOWN) lines.push(`    ${where}:${from === to ? from : `${from}-${to}`} ${what}: ${short(sample, 70)}`);
  }
  const more = [...shown].filter(([, times]) => !all && times > SHOWN).map(([what, times]) => `${number(times - SHOWN)} of ${what}`);
  if (more.length > 0) lines.push(`    … and ${more.join(', ')} (--all lists them)`);
  return lines.join('\n');
}

interface InspectFlags extends ConfigFlags {
  all?: boolean;
  json?: boolean;
}

async function runInspect(file: string | undefined, flags: InspectFlags): Promise<void> {
  const { config, warnings } = loadProject({
    ...layersOf(flags),
    set: settingsOf(flags.set, file === undefined ? [] : [{ flag: '[file]', key: 'data.source', value: sourceOf(file) }]),
  });
  if (file !== undefined) sayOverridden(config, '[file]');
  for (const warning of warnings) if (/^(data|tokenizer)\b/.test(warning.path)) process.stderr.write(`${formatIssue(warning)}\n`);
  const inspection = await inspectText(config);
  print(`${flags.json ? JSON.stringify(inspection, null, 2) : describe(inspection, flags.all)}\n`);
}

/** `mdiff data …`: the text itself, before any training. */
export function addData(root: Command): void {
  const data = root.command('data').description('show the text that a run would learn');
  addConfigFlags(data.command('inspect').description('show what mdiff extracts from a file, what it drops, and what repeats'))
    .argument(
      '[file]',
      'file, folder, glob, archive (.zip, .tar.gz, .tar.xz), builtin:<name> or - for standard input; overrides data.source',
    )
    .option('--all', 'list everything that mdiff drops')
    .option('--json', 'print the figures, and everything that mdiff drops, as JSON')
    .action(runInspect);
  addReport(data);
}
