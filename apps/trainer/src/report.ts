import { basename, extname, resolve } from 'node:path';
import { addConfigFlags, interruptible, layersOf, print, reporterFor, settingsOf, type ConfigFlags } from '@mdiff/cli';
import { formatIssue, loadProject } from '@mdiff/config';
import { places } from '@mdiff/folder';
import { writeFileWhole } from '@mdiff/folder/node';
import { surveyText } from '@mdiff/prepare';
import { textPage } from '@mdiff/report';
import type { Command } from 'commander';
import { sayOverridden, sourceOf } from './sources.js';

interface ReportFlags extends ConfigFlags {
  json?: boolean;
  out?: string;
}

/** Default name of the page, after the text. */
export const pageFor = (source: string): string =>
  `${(source === '-' ? 'text' : basename(source.replace(/^builtin:/, ''), extname(source))).replace(/[^\p{L}\p{N}._-]+/gu, '-') || 'text'}.report.html`;

/** Adds `mdiff data report` to `mdiff data`. */
export function addReport(data: Command): void {
  const runReport = async (file: string | undefined, flags: ReportFlags): Promise<void> => {
    const { config, warnings } = loadProject({
      ...layersOf(flags),
      set: settingsOf(flags.set, file === undefined ? [] : [{ flag: '[file]', key: 'data.source', value: sourceOf(file) }]),
    });
    if (file !== undefined) sayOverridden(config, '[file]');
    for (const warning of warnings)
      if (/^(data|tokenizer|curriculum)\b/.test(warning.path)) process.stderr.write(`${formatIssue(warning)}\n`);
    const out = resolve(flags.out ?? pageFor(config.data.source));
    const reporter = reporterFor('auto', process.stderr);
    const survey = await interruptible((signal) => surveyText(config, reporter, signal).finally(() => reporter.end()), {
      stopped: 'stopped; the next run reuses the scores that are finished',
    });
    await writeFileWhole(out, textPage(survey), { ...places.file, elsewhere: 'choose another file with --out' });
    for (const notice of survey.notices) process.stderr.write(`${notice}\n`);
    print(flags.json ? `${JSON.stringify({ page: out, notices: survey.notices }, null, 2)}\n` : `${out}\n`);
  };
  addConfigFlags(
    data
      .command('report')
      .description(
        'write an HTML page that shows what each stage would see of a text, how hard it is, and its clusters; nothing is trained',
      ),
  )
    .argument('[file]', 'file, folder, glob, .zip, builtin:<name> or - for standard input; overrides data.source')
    .option('-o, --out <file>', 'page to write (default: <name of the text>.report.html here)')
    .option('--json', 'print the path of the page, and notices, as JSON')
    .action(runReport);
}
