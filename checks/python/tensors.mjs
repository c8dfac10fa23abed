// Writes tensors with mdiff's own safetensors writer, and the same numbers as JSON, for tensors.py to compare.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSafetensors } from '@mdiff/folder';

const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
const values = (count) => Float32Array.from({ length: count }, (_, i) => Math.fround(Math.sin(i + 1) * 10 ** ((i % 7) - 3)));
const tensors = [
  { name: 'embedding.weight', shape: [5, 3], data: values(15) },
  { name: 'blocks.0.norm.weight', shape: [3], data: values(3) },
  { name: 'scalar', shape: [], data: values(1) },
  { name: 'naïve “name”', shape: [1, 2, 1, 2], data: values(4) },
];
writeFileSync(join(folder, 'model.safetensors'), writeSafetensors(tensors, { format: 'pt' }));
writeFileSync(join(folder, 'expected.json'), JSON.stringify(tensors.map(({ name, shape, data }) => ({ name, shape, data: [...data] }))));
