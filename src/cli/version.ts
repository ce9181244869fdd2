/** The version of package.json, read once. */

import { readFileSync } from 'node:fs';

interface PackageJson {
  readonly version: string;
}

export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as PackageJson
).version;
