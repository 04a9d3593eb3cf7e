import { describe, it } from 'vitest';
import { FAMILIES } from './cases';
import { checkReference } from './op-case';

describe.each(Object.entries(FAMILIES))('%s ops: the CPU reference against the real library', (_family, cases) => {
  it.each(cases.map((c) => [c.kind, c.name, c] as const))('%s: %s', async (_kind, _name, c) => {
    await checkReference(c);
  });
});
