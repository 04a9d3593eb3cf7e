import { z } from 'zod';
import type { CallName, CallRequest } from '../../shared/ipc/contract';

// Far above any real use; they keep a broken page from filling main's memory.
const MAX_PATH = 4096;
const MAX_PROMPT = 1_000_000;
const MAX_TOKENS = 100_000;
const MAX_LANES = 16;
const MAX_STEPS = 4096;

const path = z.string().min(1).max(MAX_PATH);
const lane = z.string().min(1).max(MAX_PATH);
const id = z.int().nonnegative();
const nothing = z.strictObject({});
const steps = z.int().nonnegative().max(MAX_STEPS).exactOptional();

const prompt = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('prompt'), text: z.string().max(MAX_PROMPT) }),
  z.strictObject({ kind: z.literal('tokens'), tokens: z.array(z.int().nonnegative()).max(MAX_TOKENS) }),
]);

const findFirstBad = z.strictObject({
  modelPath: path,
  prompt,
  reference: lane,
  candidate: lane,
  expect: z.string().max(MAX_PROMPT).exactOptional(),
  minLogit: z.number().exactOptional(),
  steps,
  observe: z
    .array(z.enum(['run-to-run', 'fusion', 'batch', 'cached-decode']))
    .max(4)
    .exactOptional(),
  strict: z.boolean().exactOptional(),
  effect: z.boolean().exactOptional(),
  budget: z.union([z.number().positive(), z.literal('none')]).exactOptional(),
});

// The job itself checks them against the model.
const weights = { modelPath: path, tensor: z.string().max(MAX_PATH), index: z.int().nonnegative() };
const part = z.enum(['block', 'row', 'tensor']);

const job = z.discriminatedUnion('name', [
  z.strictObject({ id, name: z.literal('inspect'), request: z.strictObject({ modelPath: path }) }),
  z.strictObject({
    id,
    name: z.literal('runLanes'),
    request: z.strictObject({ modelPath: path, prompt, lanes: z.array(lane).min(1).max(MAX_LANES), steps }),
  }),
  z.strictObject({
    id,
    name: z.literal('nodeDetail'),
    request: z.strictObject({
      runId: z.string().max(MAX_PATH),
      step: z.int().nonnegative(),
      key: z.string().max(MAX_PATH),
    }),
  }),
  z.strictObject({ id, name: z.literal('findFirstBad'), request: findFirstBad }),
  z.strictObject({
    id,
    name: z.literal('inspectBlock'),
    request: z.strictObject({ ...weights, overlay: path.exactOptional() }),
  }),
  z.strictObject({ id, name: z.literal('saveWeights'), request: z.strictObject({ ...weights, part, path }) }),
  z.strictObject({
    id,
    name: z.literal('closeRun'),
    request: z.strictObject({ runId: z.string().max(MAX_PATH) }),
  }),
]);

/** What main accepts from the UI window: total over the contract, so a new call cannot be forgotten here. */
export const REQUEST_SCHEMAS: { readonly [N in CallName]: z.ZodType<CallRequest<N>> } = {
  appState: nothing,
  session: nothing,
  gallery: nothing,
  setTheme: z.strictObject({ theme: z.enum(['system', 'dark', 'light']) }),
  pickPath: z.strictObject({ kind: z.enum(['model', 'trace', 'shaders', 'library']) }),
  rememberFile: z.strictObject({ path }),
  forgetRecentFiles: nothing,
  rememberTour: nothing,
  startJob: job,
  cancelJob: z.strictObject({ id }),
  joinJob: z.strictObject({ id }),
  exportVerdict: z.strictObject({ kind: z.enum(['repro', 'json', 'markdown', 'html', 'perfetto']) }),
  pickSavePath: z.strictObject({ part, name: z.string().max(MAX_PATH) }),
  revealFile: z.strictObject({ path }),
  showAbout: nothing,
};
