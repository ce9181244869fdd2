/** Recordings that lie beside the project, in ../shared; tests that need them skip visibly without them. */

import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const CAPTURES = fileURLToPath(new URL('../../../shared/captures/', import.meta.url));

/** Folders of all captures; empty when ../shared is not there. */
export const captureFolders: readonly string[] = existsSync(CAPTURES)
  ? readdirSync(CAPTURES, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => CAPTURES + entry.name)
      .sort()
  : [];

export const haveCaptures = captureFolders.length > 0;

/** Rows for test.each: name and folder. One row that names the reason stands in for all, so that a skip shows. */
export const captureCases: readonly (readonly [string, string])[] = haveCaptures
  ? captureFolders.map((folder) => [captureName(folder), folder])
  : [['needs ../shared, which is not there', '']];

export function captureName(folder: string): string {
  return folder.slice(CAPTURES.length);
}
