import { QuarrelError } from '../../shared/base/errors';
import { findingLine } from '../../shared/gguf/finding-line';
import { fileRole } from '../../shared/gguf/role';
import { openModel } from './model-file';

/** What Quarrel's own reader says of a file that llama.cpp refuses: in one line, undefined where it sees nothing wrong. */
export function ownWords(modelPath: string): string | undefined {
  try {
    const model = openModel(modelPath);
    try {
      const { findings, shards } = model.gguf;
      const found = findings.find((f) => f.severity === 'error') ?? findings[0];
      const role = fileRole(model.gguf);
      if (role !== undefined) return `this is ${role}`;
      return (
        found &&
        findingLine(
          found,
          shards.map((s) => s.label),
        )
      );
    } finally {
      model.dispose();
    }
  } catch (e) {
    if (!(e instanceof QuarrelError)) throw e;
    return e.message.replace(`${modelPath}: `, '');
  }
}
