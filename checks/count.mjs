// How a script here counts: one line a check, and `N passed, N failed` at the end, which .ci/run adds up.
import { line } from '../tools/tally.mjs';

export function counter() {
  const counts = { passed: 0, failed: 0 };
  /** Prints one check; it holds when there is no `problem` to show. */
  function check(name, problem = '') {
    counts[problem === '' ? 'passed' : 'failed']++;
    console.log(problem === '' ? `ok     ${name}` : `FAILED ${name}\n${problem.trimEnd()}`);
  }
  return {
    check,
    /** Runs one check, which fails by throwing or by the problem that it returns. */
    async step(name, work) {
      try {
        check(name, (await work()) ?? '');
      } catch (error) {
        check(name, String(error.stack));
      }
    },
    /** Prints the count and sets the exit code. A script that checked nothing has failed. */
    end() {
      process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
      console.log(line(counts));
    },
  };
}
