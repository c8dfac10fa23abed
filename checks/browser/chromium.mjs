// A real Chromium, from two npm packages: one drives it, the other holds the program and unpacks it.
import chromium from '@sparticuz/chromium';
import { chromium as driver } from 'playwright-core';

/** Starts Chromium, runs `use` with it, and ends its process whatever happens. */
export async function withChromium(use, args = []) {
  const browser = await driver.launch({
    executablePath: await chromium.executablePath(),
    // The sandbox needs rights that a container rarely grants; the pages come from this repository.
    args: ['--no-sandbox', ...args],
    headless: true,
  });
  try {
    return await use(browser);
  } finally {
    await browser.close();
  }
}
