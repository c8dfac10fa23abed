import { expect, it } from 'vitest';
import { downCommands, netOf, obstacle, onSide, shapeCommands, upCommands } from './namespaces.js';

const net = netOf(4194304); // the largest process id
const works = (): undefined => undefined;

it('names what it makes after the process, within what the kernel takes', () => {
  for (const { device } of net.sides) expect(device.length).toBeLessThanOrEqual(15);
  expect(new Set(net.sides.map(({ device }) => device)).size).toBe(2);
  expect(netOf(2).sides[0].namespace).not.toBe(netOf(3).sides[0].namespace);
});

it('takes back all that it makes', () => {
  const made = upCommands(net).filter(([, object, verb]) => object === 'netns' && verb === 'add');
  expect(downCommands(net).map((command) => command.at(-1))).toEqual(made.map((command) => command.at(-1)));
});

it('limits both directions, and takes the limit away first', () => {
  const commands = shapeCommands(net, 1).map((command) => command.join(' '));
  expect(commands).toHaveLength(4);
  expect(commands[0]).toMatch(/^tc -n mdiff-bench-4194304-0 qdisc delete dev mdb4194304a root$/);
  expect(commands[1]).toMatch(/ root tbf rate 1000mbit burst 250000 latency 20ms$/);
  expect(shapeCommands(net, undefined).every((command) => command.includes('delete'))).toBe(true);
  expect(shapeCommands(net, 0.1, 5)[1]).toContain('netem');
});

it('runs a command on a side, on one core if it is asked to', () => {
  expect(onSide(net.sides[1], ['true'], 1).slice(-4)).toEqual(['taskset', '-c', '1', 'true']);
  expect(onSide(net.sides[1], ['true']).slice(-2)).toEqual(['sh', 'true']);
});

it('says in a few words why it cannot run', () => {
  expect(obstacle({ uid: 1000, run: works })).toBe(
    process.platform === 'linux' ? 'network namespaces need root' : 'network namespaces need Linux',
  );
  if (process.platform !== 'linux') return;
  expect(obstacle({ uid: 0, run: works })).toBeUndefined();
  expect(obstacle({ uid: 0, run: ([program]) => (program === 'tc' ? 'not there' : undefined) })).toBe('tc does not run: install iproute2');
});
