// A Vitest reporter: names the test files that take the most processor time, which says the same on a busy machine. It fails nothing.
// packages/testing/src/setup.ts measures it in each file's process: its start, its imports, its tests and the processes that it waited for.

/** How many files are named, and the seconds above which `npm test` (8 minutes on two cores for 300 files) asks to look at one. */
const named = 10;
const limit = 20;

/** The lines to print for files and their seconds, slowest first. */
export function slowest(files) {
  if (files.length < 2 * named) return [];
  const order = [...files].sort((a, b) => b.seconds - a.seconds);
  const total = files.reduce((sum, { seconds }) => sum + seconds, 0);
  return [
    `Processor time of ${files.length} test files: ${total.toFixed(0)} s. The slowest:`,
    ...order
      .slice(0, named)
      .map(
        ({ name, seconds }) =>
          `${seconds.toFixed(1).padStart(6)} s  ${name}${seconds > limit ? `  (above ${limit} s: make it shorter, or move it into .ci/run)` : ''}`,
      ),
  ];
}

export default class Slowest {
  files = [];

  onTestModuleEnd(module) {
    const seconds = module.meta().processorSeconds;
    // A file that could not be loaded has none.
    if (seconds !== undefined) this.files.push({ name: `${module.project.name} ${module.relativeModuleId}`, seconds });
  }

  onTestRunEnd() {
    for (const line of slowest(this.files)) console.log(line);
  }
}
