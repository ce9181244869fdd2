/** Every core, once. A new core is a file beside this one and a line here. */

import type { Core, CoreInfo, CoreParts } from '../pagealloc/core.js';
import { BASELINE_INFO, BaselineCore, type BaselineParameters } from './baseline.js';
import { FREETYPE_INFO, FreetypeCore, type FreetypeParameters } from './freetype.js';

export type ParameterValues = Readonly<Record<string, string | number | boolean>>;

export interface CoreEntry {
  readonly info: CoreInfo;
  /** The values have been checked against info.parameters, and defaults filled in. */
  create(parts: CoreParts, parameters: ParameterValues): Core;
}

export const CORES: readonly CoreEntry[] = [
  {
    info: BASELINE_INFO,
    create: (parts, parameters) => new BaselineCore(parts, parameters as unknown as BaselineParameters),
  },
  {
    info: FREETYPE_INFO,
    create: (parts, parameters) => new FreetypeCore(parts, parameters as unknown as FreetypeParameters),
  },
];
