import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { captureTrace } from '../../../src/main/capture/capture';
import { Control } from '../../../src/shared/base/control';
import { routingsOf } from '../../../src/shared/graph/expert-slots';
import { isComputing, layerOf } from '../../../src/shared/graph/graph';
import { sharedPath } from '../../helpers/shared-files';
import { ARCH_MODELS, modelTable } from '../../helpers/shared-models';

const folder = sharedPath('reported/engines');
const reported = fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => path.join(folder, name)) : [];
const models = [...ARCH_MODELS, ...reported].filter((file) => /(moe|deepseek|gpt-oss|qwen3next)[^/]*gguf$/.test(file));

describe.skipIf(models.length === 0)('the slots of experts in graphs of llama.cpp', () => {
  it.each(modelTable(models))('%s: every node of one expert each is found', async (_name, file) => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'slots-test-'));
    try {
      const out = path.join(dir, 'captured.safetensors');
      const { graph } = await captureTrace(
        { modelPath: file, tokens: [1, 17, 5, 99, 42, 7, 3], out },
        new Control(() => undefined),
      );
      const routings = routingsOf(graph).filter(({ slots }) => slots.length > 0);
      expect(routings.length).toBeGreaterThan(0);
      for (const { choice, used, tokens, slots } of routings) {
        expect(tokens).toBe(7);
        const found = new Set(slots.map(({ node }) => node.key));
        const expected = graph.tensors.filter(
          (t) =>
            isComputing(graph, t) &&
            layerOf(t.key) === layerOf(choice.key) &&
            /^ffn_moe_(weights|weights_norm|weights_softmax|weights_scaled|gate|up|down|swiglu|geglu|weighted|gate_biased|up_biased|down_biased)-/.test(
              t.key,
            ),
        );
        if (!slots.some(({ node }) => node.kind === 'MUL_MAT_ID')) continue; // a choice of groups
        expect(expected.length).toBeGreaterThan(2);
        for (const t of expected.filter(({ ne }) => ne.includes(used))) expect(found, t.key).toContain(t.key);
        for (const { node, axes } of slots) {
          expect([node.ne[axes.slot], node.ne[axes.token]], node.key).toEqual([used, 7]);
        }
      }
    } finally {
      fs.rmSync(dir, { recursive: true, force: true });
    }
  });
});
