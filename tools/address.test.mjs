import { expect, test } from 'vitest';
import { addressFault, addressOf, withAddress } from './address.mjs';
import { manifest, published } from './workspace.mjs';

const own = { name: '@mdiff/text', license: 'Apache-2.0', type: 'module' };
const top = { repository: { type: 'git', url: 'git+https://example.org/mdiff.git' } };

test('an address stands in each package with its folder', () => {
  expect(withAddress(own, addressOf(top, 'packages/text'))).toEqual({
    name: '@mdiff/text',
    license: 'Apache-2.0',
    repository: { type: 'git', url: 'git+https://example.org/mdiff.git', directory: 'packages/text' },
    homepage: 'https://example.org/mdiff/tree/main/packages/text#readme',
    bugs: 'https://example.org/mdiff/issues',
    type: 'module',
  });
  expect(addressOf({ repository: 'https://example.org/mdiff', homepage: 'https://mdiff.example.org' }, 'apps/mdiff')).toMatchObject({
    repository: { url: 'git+https://example.org/mdiff.git' },
    homepage: 'https://mdiff.example.org',
  });
});

test('nothing is published without an address, nor with another one than the root has', () => {
  const path = 'packages/text';
  expect(addressFault({}, [{ path, ...own }])).toMatch('package.json at the root names no repository');
  expect(addressFault(top, [{ path, ...own }])).toMatch('the address in packages/text/package.json');
  expect(addressFault(top, [{ path, ...withAddress(own, addressOf(top, path)) }])).toBeUndefined();
});

test('every package that is published runs that check first, and has the address of the root', () => {
  const packages = published();
  expect(packages.length).toBeGreaterThan(15);
  for (const { path, ...rest } of packages) {
    expect(rest.scripts?.prepublishOnly, path).toBe('node ../../tools/address.mjs');
    expect(withAddress(rest, addressOf(manifest('.'), path)), path).toEqual(rest);
  }
});
