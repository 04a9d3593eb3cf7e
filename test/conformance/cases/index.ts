import type { OpCases } from '../op-case';
import { CORE } from './core';

/** Every family of cases by the name of its file. */
export const FAMILIES: Readonly<Record<string, OpCases>> = {
  core: CORE,
};
