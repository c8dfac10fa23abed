/** The used part of a port of a `MessageChannel`, whose type in a browser only the DOM library has. */
interface Port {
  onmessage: () => void;
  postMessage(message: null): void;
}

const waiting: (() => void)[] = [];
let port: Port | undefined;

/** Opens a channel whose messages are turns: a browser makes timers that set each other wait 4 ms. */
function openPort(): Port {
  const { port1, port2 } = new MessageChannel() as unknown as Record<'port1' | 'port2', Port>;
  port1.onmessage = () => waiting.shift()!();
  return port2;
}

/** The event loop's next turn, in any runtime. */
export const turn = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === 'function') return void setImmediate(resolve);
    waiting.push(resolve);
    (port ??= openPort()).postMessage(null);
  });
