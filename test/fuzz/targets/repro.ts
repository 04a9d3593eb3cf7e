import fs from 'node:fs';
import path from 'node:path';
import { replayRepro } from '../../../src/main/repro/replay-repro';
import { parseReproDocument } from '../../../src/main/repro/repro-document';
import { sha256Of } from '../../../src/main/repro/sha256';
import { Control } from '../../../src/shared/base/control';
import type { Chance } from '../chance';
import { mutateJson } from '../mutate-json';
import type { Target } from '../run-target';
import type { Parts } from '../trace-parts';
import { assembled, partsOf, withDamagedManifest } from '../trace-parts';

type Document = Record<string, unknown> & { files: Record<string, { bytes: number; sha256: string }> };

const noGpu = { webgpuLane: () => Promise.reject(new Error('no GPU in this run')) };

/** @param repro a sound folder */
export function reproTargets(folder: string, repro: string): readonly Target[] {
  const document = JSON.parse(fs.readFileSync(path.join(repro, 'repro.json'), 'utf8')) as Document;
  const parts = partsOf(path.join(repro, 'tensors.safetensors'));
  const copy = path.join(folder, 'repro');
  fs.cpSync(repro, copy, { recursive: true });
  const control = new Control(() => undefined);
  return [
    {
      name: 'repro.json',
      weight: 8,
      run: (chance) => {
        parseReproDocument(mutateJson(document, chance), 'repro.json');
      },
    },
    {
      name: 'repro folder, hashes in order, replayed on the reference',
      weight: 1,
      run: async (chance) => {
        damage(copy, chance, document, parts);
        await replayRepro({ folder: copy, candidate: 'reference' }, noGpu, control);
      },
    },
  ];
}

/** Either the document or the manifest of the tensors is damaged, and the hashes are those of what is there. */
function damage(folder: string, chance: Chance, document: Document, parts: Parts): void {
  const tensors = path.join(folder, 'tensors.safetensors');
  const ofTensors = !chance.oneIn(3);
  fs.writeFileSync(tensors, ofTensors ? withDamagedManifest(parts, chance) : assembled(parts.header, parts.data));
  const found = {
    ...document.files['tensors.safetensors'],
    bytes: fs.statSync(tensors).size,
    sha256: sha256Of(tensors),
  };
  const mended = { ...document, files: { ...document.files, 'tensors.safetensors': found } };
  fs.writeFileSync(path.join(folder, 'repro.json'), ofTensors ? JSON.stringify(mended) : mutateJson(mended, chance));
}
