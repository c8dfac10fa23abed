// The progress of a command on a terminal: lines at the end of the screen that are written anew, and lines above them that stay.
import {
  describeSample,
  duration,
  figuresOf,
  percent,
  throttled,
  type Output,
  type Reporter,
  type StageLength,
  type StepLine,
} from './lines.js';
import { sparkline } from './sparkline.js';

const BAR = 24;
const CURVE = 24;
/** ms between two drawings of steps; a logged step is always drawn */
const EVERY = 80;

const bar = (share: number, width: number): string => {
  const done = Math.round(Math.min(1, Math.max(0, share)) * width);
  return '█'.repeat(done) + '░'.repeat(width - done);
};

/** The stage that a number of done steps lies in, and the steps before it. */
function stageAt(stages: readonly StageLength[], step: number): { stage: StageLength; before: number } | undefined {
  let before = 0;
  for (const stage of stages) {
    if (step <= before + stage.steps) return { stage, before };
    before += stage.steps;
  }
  return undefined;
}

/** One bar for each stage, as long as its share of the steps: `██████│██░░░░│░░░░░░`. */
function stageBars(stages: readonly StageLength[], { step, steps }: Pick<StepLine, 'step' | 'steps'>): string {
  if (stages.length < 2) return bar(step / steps, BAR);
  let before = 0;
  return stages
    .map((stage) => {
      const share = (step - before) / stage.steps;
      before += stage.steps;
      return bar(share, Math.max(1, Math.round((stage.steps / steps) * BAR)));
    })
    .join('│');
}

/** Two lines: how far the run is, and how it goes. */
function stepLines(report: StepLine, stages: readonly StageLength[], losses: readonly number[]): string[] {
  const now = stages.length > 1 ? stageAt(stages, report.step) : undefined;
  const inStage = now ? ` ${report.step - now.before}/${now.stage.steps}` : '';
  const far = [
    `${stageBars(stages, report)} step ${report.step}/${report.steps} (${percent(report.step, report.steps)})`,
    `${report.stage}${inStage}${report.objective === 'causal' ? ' (next token)' : ''}`,
    ...(report.left === undefined ? [] : [`${duration(report.left)} left`]),
  ];
  const [loss, ...rest] = figuresOf(report);
  const curve = losses.length > 1 ? ` ${sparkline(losses, CURVE)}` : '';
  return [far.join(' · '), [`${loss}${curve}`, ...rest].join(' · ')];
}

export function terminal(out: Output): Reporter {
  /** lines of the part that is written anew, and the width that they were cut to */
  let drawn: { lines: number; width: number } | undefined;
  let stages: readonly StageLength[] = [];
  let losses: number[] = [];
  let last: StepLine | undefined;
  let isStale = false;
  let time = 0;
  const width = (): number => Math.max(20, (out.columns || 100) - 1);
  const erase = (): string => {
    // On a terminal of another width the old lines may have been broken into more: they are left where they are.
    if (drawn === undefined) return '';
    if (drawn.width !== width()) return '\n';
    return `\r${drawn.lines > 1 ? `\x1b[${drawn.lines - 1}A` : ''}\x1b[J`;
  };
  const draw = (lines: readonly string[]): void => {
    out.write(erase() + lines.map((line) => line.slice(0, width())).join('\n'));
    drawn = { lines: lines.length, width: width() };
  };
  const drawSteps = (more: readonly string[] = []): void => {
    draw([...(last ? stepLines(last, stages, losses) : []), ...more]);
    isStale = false;
    time = Date.now();
  };
  const line = (text: string): void => {
    out.write(`${erase()}${text}\n`);
    drawn = undefined;
  };
  return {
    phase: (name, detail) => {
      last = undefined;
      line(`▸ ${name}${detail === undefined ? '' : `: ${detail}`}`);
    },
    begin: (run) => {
      stages = run.stages;
      losses = run.losses.filter(Number.isFinite);
    },
    step: (report, logged) => {
      last = report;
      isStale = true;
      if (logged && Number.isFinite(report.loss)) losses.push(report.loss);
      if (logged || Date.now() - time >= EVERY) drawSteps();
    },
    progress: throttled(100, (what, done, total) => drawSteps([`${bar(done / total, BAR)} ${what} ${percent(done, total)}`])),
    note: line,
    sample: (sample) => line(describeSample(sample)),
    end: () => {
      if (isStale) drawSteps();
      if (drawn) out.write('\n');
      drawn = undefined;
      last = undefined;
    },
  };
}
