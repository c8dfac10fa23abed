// A WebGPU device for machines without a GPU: SwiftShader, Chrome's Vulkan driver on the processor, from an npm package that carries it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { execute } from '../../tools/workspace.mjs';

const PACKAGE = '@sparticuz/chromium@153.0.0';
const SHA256 = '2f3ceffaaca7d031bc3943f8eacf398a5d9c42c5fe0d15d8840b9acfa630b58e';

async function must(command, args, cwd) {
  const { code, text } = await execute(command, args, { output: 'keep', cwd });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${code}\n${text}`);
}

/** Fetches SwiftShader into `folder` unless it is there. Returns the variables that make Vulkan's loader find it and no other driver. */
export async function swiftShader(folder) {
  const driver = join(folder, 'vk_swiftshader_icd.json');
  if (!existsSync(driver)) {
    mkdirSync(folder, { recursive: true });
    await must('npm', ['pack', PACKAGE, '--silent', '--pack-destination', folder], folder);
    const packed = join(folder, 'sparticuz-chromium-153.0.0.tgz');
    await must('tar', ['-xzf', packed, 'package/bin/swiftshader.tar.br'], folder);
    const tar = join(folder, 'swiftshader.tar');
    writeFileSync(tar, brotliDecompressSync(readFileSync(join(folder, 'package/bin/swiftshader.tar.br'))));
    await must('tar', ['-xf', tar, 'libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json'], folder);
  }
  const found = createHash('sha256')
    .update(readFileSync(join(folder, 'libvk_swiftshader.so')))
    .digest('hex');
  if (found !== SHA256) throw new Error(`libvk_swiftshader.so of ${PACKAGE}: expected sha256 ${SHA256}, got ${found}`);
  // The loader of the package, for machines that have none.
  return {
    VK_ICD_FILENAMES: driver,
    VK_DRIVER_FILES: driver,
    LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
  };
}
