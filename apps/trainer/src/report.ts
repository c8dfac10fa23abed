import { basename, extname, resolve } from 'node:path';
import { formatIssue, loadProject } from '@mdiff/config';
import { reporterFor } from '@mdiff/cli';
import { surveyText } from '@mdiff/prepare';
import { writeFileWhole } from '@mdiff/folder/node';
import type { Command } from 'commander';
import { textPage } from '@mdiff/report';

interface ReportFlags {
  config?: string;
  preset?: string;
  set: string[];
  out?: string;
}

/** Where the page goes if nobody says: here, named for the text. */
export const pageFor = (source: string): string => `${(source === '-' ? 'text' : basename(source.replace(/^builtin:/, ''), extname(source))).replace(/[^\p{L}\p{N}._-]+/gu, '-') || 'text'}.report.html`;

/** Adds `mdiff data report` to `mdiff data`. */
export function addReport(data: Command, sourceOf: (book: string) => string): void {
  data
    .command('report')
    .description('one HTML page: what each stage would see of a text, how hard it is, its clusters; nothing is trained')
    .argument('[file]', 'file, folder, glob, .zip, builtin:<name> or - for standard input; overrides data.source')
    .option('-o, --out <file>', 'the page to write (default: <name of the text>.report.html here)')
    .option('-c, --config <file>', 'configuration file (default: mdiff.yaml here, else the preset quickstart)')
    .option('-p, --preset <name>', 'preset under the file')
    .option('-s, --set <key=value>', 'one configuration value; may be repeated', (value: string, all: string[]) => [...all, value], [])
    .action(async (file: string | undefined, flags: ReportFlags) => {
      const { config, warnings } = loadProject({
        ...(flags.config !== undefined && { file: flags.config }),
        ...(flags.preset !== undefined && { preset: flags.preset }),
        set: [...(file === undefined ? [] : [`data.source=${sourceOf(file)}`]), ...flags.set],
        env: process.env,
        cwd: process.cwd(),
      });
      for (const warning of warnings) if (/^(data|tokenizer|curriculum)\b/.test(warning.path)) process.stderr.write(`${formatIssue(warning)}\n`);
      const out = resolve(flags.out ?? pageFor(config.data.source));
      const interrupt = new AbortController();
      // What is scored stays in the cache; the second Ctrl-C ends at once.
      const onSignal = (): void => (interrupt.signal.aborted ? process.exit(130) : interrupt.abort());
      process.on('SIGINT', onSignal);
      process.on('SIGTERM', onSignal);
      const reporter = reporterFor('auto', process.stderr);
      const found = await surveyText(config, reporter, interrupt.signal).finally(() => {
        reporter.end();
        process.off('SIGINT', onSignal);
        process.off('SIGTERM', onSignal);
      });
      await writeFileWhole(out, textPage(found));
      for (const notice of found.notices) process.stderr.write(`${notice}\n`);
      process.stdout.write(`${out}\n`);
    });
}
