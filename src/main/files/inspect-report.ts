import { inspectReport } from '../../shared/gguf/inspect-report';
import type { InspectReport } from '../../shared/gguf/inspect-report';
import type { ModelFile } from './model-file';

/** The header of an open model as plain data. */
export function inspectModel(model: ModelFile): InspectReport {
  return { ...inspectReport(model.gguf), path: model.path };
}
