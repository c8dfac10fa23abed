// Predicts more machines from the measured costs: the model against the points that it was fitted beside, then 8, 64 and 1,024 machines.
import { readFileSync } from 'node:fs';
import { ProjectConfig } from '@mdiff/config';
import { layout } from '@mdiff/model';
import { chart, stacked } from '../shared/chart.mjs';
import { median } from '../shared/median.ts';
import { writeChart } from '../shared/results.mjs';
import { TOKENS, flopsOf, sizes } from '../train/sizes.ts';
import { bandwidthOf, calibrate, efficiencyOf, secondsOf } from './cost.ts';

const networks = [
  ['micro', 'micro'],
  ['125M', 'tiny_125m'],
  ['350M', 'small_350m'],
].map(([label, name]) => ({ label, model: ProjectConfig.preset(name).model }));

const row = (cells) => `| ${cells.join(' | ')} |`;
const tableOf = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

/** The model beside the rows of an engine. @returns lines, and the errors */
function checked(result, own) {
  const clock = calibrate(result.parameters, result.exchange, own, 'ms');
  return own.map((one) => {
    const { link_gbit, passes, exchange, step_ms, efficiency } = one;
    const pass = (step_ms * efficiency) / passes / 1000; // of two ranks that exchange nothing, at the same time
    const seconds = secondsOf(
      { parameters: result.parameters, ranks: 2, passes, pass, exchange, bandwidth: bandwidthOf(link_gbit, clock) },
      clock,
    );
    return { ...one, predicted: seconds * 1000, error: (seconds * 1000) / step_ms - 1 };
  });
}

const percent = (share) => `${(share * 100).toFixed(0)} %`;

export function predict(file) {
  const result = JSON.parse(readFileSync(file, 'utf8'));
  const engines = [...new Set(result.rows.map(({ engine }) => engine))].filter((engine) => !engine.startsWith('torch'));
  for (const engine of engines) {
    const rows = checked(
      result,
      result.rows.filter((one) => one.engine === engine),
    );
    console.log(`\n${engine}: the model, its costs by the clock, beside the measured steps\n`);
    console.log(
      tableOf(
        ['link, Gb/s', 'passes', 'exchange', 'measured, ms', 'model, ms', 'error'],
        rows.map((one) => [
          one.link_gbit || 'none',
          one.passes,
          one.exchange,
          one.step_ms.toFixed(0),
          one.predicted.toFixed(0),
          percent(one.error),
        ]),
      ),
    );
    console.log(
      `median error ${percent(median(rows.map(({ error }) => Math.abs(error))))}, largest ${percent(Math.max(...rows.map(({ error }) => Math.abs(error))))}`,
    );
  }

  const [engine] = engines;
  const own = result.rows.filter((one) => one.engine === engine);
  const costs = calibrate(result.parameters, result.exchange, own, 'cpu_ms');
  const rate = flopsOf(sizes[result.size]) / median(own.map(({ one_cpu_ms, passes }) => one_cpu_ms / passes / 1000));
  console.log(`\ncosts of ${engine} by the processor: ${JSON.stringify(costs)}; ${(rate / 1e9).toFixed(0)} GF/s a core`);
  const stepOf = ({ model }, ranks, { gbit, passes, exchange }) => ({
    ...{ parameters: layout(model).total, ranks, passes, exchange, bandwidth: bandwidthOf(gbit, costs) },
    pass: flopsOf(model, model.max_seq_len) / rate,
  });
  const settings = [10, 1].flatMap((gbit) =>
    [1, 16].flatMap((passes) => ['ordered', 'float32', 'bfloat16'].map((exchange) => ({ gbit, passes, exchange }))),
  );
  const cell = (network, ranks, setting) => {
    const step = stepOf(network, ranks, setting);
    const tokens = (ranks * setting.passes * TOKENS) / secondsOf(step, costs);
    return `${Math.round(tokens).toLocaleString('en')} (${percent(efficiencyOf(step, costs))})`;
  };
  for (const network of networks) {
    const alone = stepOf(network, 1, settings[0]);
    console.log(
      `\n${network.label}: ${(alone.parameters / 1e6).toFixed(1)}M parameters, ${Math.round(TOKENS / alone.pass).toLocaleString('en')} tokens/s on one machine of one core\n`,
    );
    console.log(
      tableOf(
        ['link', 'passes', 'exchange', ...[8, 64, 1024].map((ranks) => `${ranks.toLocaleString('en')} machines`)],
        settings.map((setting) => [
          `${setting.gbit} Gb/s`,
          setting.passes,
          setting.exchange,
          ...[8, 64, 1024].map((ranks) => cell(network, ranks, setting)),
        ]),
      ),
    );
  }
  const lines = [
    { gbit: 10, passes: 16, exchange: 'float32' },
    { gbit: 10, passes: 1, exchange: 'float32' },
    { gbit: 1, passes: 16, exchange: 'bfloat16' },
    { gbit: 1, passes: 16, exchange: 'ordered' },
    { gbit: 1, passes: 1, exchange: 'float32' },
  ];
  writeChart(
    'several-machines',
    stacked(
      [networks[0], networks[2]].map((network) =>
        chart({
          title: `Efficiency by machines of one core, ${network.label} (model, costs measured on two ranks)`,
          x: 'machines, as a power of two',
          y: 'of N times one machine',
          series: lines.map((setting) => ({
            label: `${setting.gbit} Gb/s, ${setting.passes} pass${setting.passes > 1 ? 'es' : ''}, ${setting.exchange}`,
            points: Array.from({ length: 11 }, (_, power) => [power, efficiencyOf(stepOf(network, 2 ** power, setting), costs)]),
          })),
        }),
      ),
    ),
  );
}
