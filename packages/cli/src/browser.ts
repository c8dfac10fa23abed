// Opens an address in the user's browser. No shell sees the address, so no character of it can become a command.
import { spawn } from 'node:child_process';

interface Desktop {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The program that hands an address to the default browser; null where nobody sits in front of a screen. */
export function opener({ platform, env }: Desktop): readonly string[] | null {
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  return env['DISPLAY'] || env['WAYLAND_DISPLAY'] ? ['xdg-open'] : null;
}

/** Resolves to false if no browser could be started. Waits for the program that starts it for two seconds at most: some stay with the browser. */
export async function openInBrowser(url: string, desktop: Desktop = process): Promise<boolean> {
  const [program, ...args] = opener(desktop) ?? [];
  if (program === undefined) return false;
  const child = spawn(program, [...args, new URL(url).href], { stdio: 'ignore', detached: true });
  child.unref();
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), 2_000);
    timer.unref();
    const settle = (opened: boolean): void => {
      clearTimeout(timer);
      resolve(opened);
    };
    child.once('error', () => settle(false));
    child.once('exit', (code) => settle(code === 0));
  });
}
