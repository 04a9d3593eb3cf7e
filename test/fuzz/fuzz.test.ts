import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ggmlBasePath } from '../helpers/ggml-base';
import { differential } from './differential';
import type { Material } from './material';
import { prepare } from './material';
import { noFigures, runTarget } from './run-target';

/** Inputs per weight of a reader: with what prepares them, some twenty seconds on two cores. */
const INPUTS = 20;
const COMPARED = 2000;

describe('damaged files get an answer or a clear refusal', () => {
  let material: Material;
  beforeAll(async () => {
    material = await prepare();
  });
  afterAll(() => material.dispose());

  it('of every reader, each within two seconds', async () => {
    expect(material.targets.length).toBeGreaterThan(8);
    for (const target of material.targets) {
      const figures = noFigures();
      await runTarget(target, 0, INPUTS * target.weight, figures);
      expect([target.name, figures.uncaught.slice(0, 3), figures.slow]).toEqual([target.name, [], []]);
      // Both happen: the damage is neither harmless nor total.
      expect([target.name, figures.accepted > 0, figures.refused > 0]).toEqual([target.name, true, true]);
    }
  });

  it.skipIf(ggmlBasePath() === undefined)("and GGUF headers the same one as libggml's reader gives", async () => {
    const found = await differential(ggmlBasePath() ?? '', material.folder, 0, COMPARED);
    expect(found.unexplained.slice(0, 5)).toEqual([]);
    expect([found.files, found.bothAccept > 0, found.bothRefuse > 0, found.errorsRefused > 0]).toEqual([
      COMPARED,
      true,
      true,
      true,
    ]);
  });
});
