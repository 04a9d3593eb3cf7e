import fs from 'node:fs';
import path from 'node:path';
import { inspectText } from '../../../src/main/cli/text/inspect-text';
import { inspectModel } from '../../../src/main/files/inspect-report';
import type { ModelFile } from '../../../src/main/files/model-file';
import { openModel } from '../../../src/main/files/model-file';
import { QuarrelError } from '../../../src/shared/base/errors';
import { GgufArray } from '../../../src/shared/gguf/array';
import { inspectReport } from '../../../src/shared/gguf/inspect-report';
import { assembleModel } from '../../../src/shared/gguf/model';
import { parseGguf } from '../../../src/shared/gguf/parse';
import { fixtureBytes, METADATA, MemorySource, TENSORS } from '../../helpers/gguf-fixture';
import type { Chance } from '../chance';
import { ggufFields } from '../gguf-fields';
import { mutateBytes } from '../mutate-bytes';
import type { Target } from '../run-target';

const small = METADATA.map((entry) => ('arrayOf' in entry ? { ...entry, value: entry.value.slice(0, 5) } : entry));

const bases = [
  fixtureBytes({ metadata: small }),
  fixtureBytes({ metadata: small, version: 2, alignment: 64 }),
  fixtureBytes({ metadata: small.slice(0, 3), tensors: [] }),
  fixtureBytes({ metadata: small, endian: 'big' }),
  fixtureBytes({
    metadata: [{ key: 'split.no', type: 'u16', value: 0 }, { key: 'split.count', type: 'u16', value: 1 }, ...small],
    tensors: [...TENSORS, { name: 'output.weight', type: 'Q4_K', ne: [256, 2] }],
  }),
].map((bytes) => {
  const { dataOffset, endian } = parseGguf(new MemorySource(bytes));
  return { bytes, fields: endian === 'big' ? [] : ggufFields(bytes), dataOffset };
});

/** A damaged GGUF file. */
export function damagedGguf(chance: Chance): Uint8Array<ArrayBuffer> {
  const { bytes, fields, dataOffset } = chance.of(bases);
  return mutateBytes(bytes, chance, fields, chance.oneIn(8) ? bytes.length : dataOffset);
}

/** In memory: parser, report, its text, and every metadata array. */
export const ggufParse: Target = {
  name: 'GGUF: parsed, reported, arrays read',
  weight: 30,
  run: (chance) => {
    const file = parseGguf(new MemorySource(damagedGguf(chance)));
    for (const { value } of file.metadata.entries) if (value instanceof GgufArray) value.slice(0, value.length);
    inspectText(inspectReport(assembleModel([file])));
  },
};

/** As a user opens it: mapped, under a name that may look like a shard's, every tensor read. */
export function ggufOpen(folder: string): Target {
  const names = ['m.gguf', 'm-00001-of-00001.gguf', 'm-00001-of-00002.gguf', 'm-00009-of-00002.gguf'];
  return {
    name: 'GGUF: opened by name, mapped, tensors read',
    weight: 10,
    run: (chance) => {
      const file = path.join(folder, chance.of(names));
      fs.writeFileSync(file, damagedGguf(chance));
      let model: ModelFile | undefined;
      try {
        model = openModel(file);
        inspectText(inspectModel(model));
        for (const { name, problem } of model.gguf.tensors) if (problem === undefined) readTensor(model, name);
      } finally {
        model?.dispose();
        fs.rmSync(file);
      }
    },
  };
}

function readTensor(model: ModelFile, name: string): void {
  try {
    const tensor = model.requireTensor(name);
    const bytes = new Uint8Array(tensor.byteLength);
    tensor.copyInto(0, bytes.length, bytes, 0);
  } catch (e) {
    // Quantized and big-endian: said per tensor.
    if (!(e instanceof QuarrelError)) throw e;
  }
}
