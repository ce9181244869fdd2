/**
 * schema/validation.json ships with the package. It is drawn from the registry of measures and read here by
 * ajv, which knows nothing of either. `UPDATE_GOLDEN=1` rewrites it.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv, type ValidateFunction } from 'ajv';
import { beforeAll, describe, expect, test } from 'vitest';
import { MEASURE_KEYS, MEASURES } from '../../src/validate/measures.js';
import { validateCapture } from '../../src/validate/validate.js';
import { VALIDATION_SCHEMA } from '../../src/validate/validation.js';
import { EXACT, VALIDATION } from './validation-fixture.js';

const FILE = fileURLToPath(new URL('../../schema/validation.json', import.meta.url));

interface ObjectSchema {
  type: string | string[];
  properties: { [name: string]: unknown };
  required: string[];
  additionalProperties: boolean;
}

function objectOf(properties: { [name: string]: unknown }): ObjectSchema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

/** Numbers of the registry as a tree; `N` is an entry of an array. */
function measureTree(): { [name: string]: unknown } {
  const root = objectOf({});
  for (const key of MEASURE_KEYS) {
    const path = key.split('.');
    const last = path.pop()!;
    let branch = root;
    for (const name of path) {
      if (name === 'N') continue;
      branch.properties[name] ??= objectOf({});
      branch = branch.properties[name] as ObjectSchema;
    }
    const { label, unit, formula, source } = MEASURES[key];
    branch.properties[last] = {
      type: 'integer',
      minimum: 0,
      description: `${label} (${unit}): ${formula} [${source}]`,
    };
    branch.required = Object.keys(branch.properties);
  }
  const { recorded, simulated, directMap, flips } = root.properties as { [group: string]: ObjectSchema };
  const middle = recorded.properties.middle as ObjectSchema;
  recorded.properties.middle = {
    type: 'array',
    items: objectOf({ snapshot: { type: 'integer', minimum: 3 }, ...middle.properties }),
  };
  flips.type = ['object', 'null'];
  directMap.type = ['object', 'null'];
  const freeRunning = simulated.properties.freeRunning as ObjectSchema;
  freeRunning.properties.firstDifference = { type: ['integer', 'null'], minimum: 1 };
  freeRunning.required = Object.keys(freeRunning.properties);
  return root.properties;
}

const text = { type: 'string', minLength: 1 };
const SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'What mm-sim validate --format json prints',
  ...objectOf({
    schema: { const: VALIDATION_SCHEMA },
    tool: objectOf({ version: text }),
    capture: { ...text, description: 'name of the capture, as its capture.json has it' },
    kernel: { ...text, description: 'release of the recorded kernel' },
    rules: { ...text, description: 'version of the kernel whose rules the model followed' },
    probes: { type: 'boolean', description: 'the probes of the capture kit were used' },
    ...measureTree(),
    firstMiss: {
      ...objectOf({ file: text, line: { type: 'integer', minimum: 1 }, reason: text }),
      type: ['object', 'null'],
    },
  }),
};

test('the file is that of the registry', () => {
  const file = `${JSON.stringify(SCHEMA, null, 2)}\n`;
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(FILE, file);
  expect(readFileSync(FILE, 'utf8')).toBe(file);
});

describe('results', () => {
  let check: ValidateFunction;

  beforeAll(() => {
    // Of types, strict mode would want one alone; 'object or null' is two.
    check = new Ajv({ strict: true, strictTypes: false }).compile(JSON.parse(readFileSync(FILE, 'utf8')));
  });

  function problems(result: unknown) {
    return check(JSON.parse(JSON.stringify(result))) ? [] : check.errors;
  }

  test('of captures fit', async () => {
    for (const name of ['linux-7.3-secretmem-1cpu', 'linux-7.3-freetype-fill-1cpu']) {
      const options = { version: '0.0.0', withoutProbes: false, firstMiss: false };
      const { result } = await validateCapture({ ...options, path: `traces/${name}` });
      expect(problems(result)).toEqual([]);
    }
  });

  test('made by hand fit', () => {
    expect(problems(VALIDATION)).toEqual([]);
    expect(problems(EXACT)).toEqual([]);
  });

  test('with a number that is missing, or one too many, do not', () => {
    const { metrics: _, ...without } = VALIDATION;
    expect(problems(without)).not.toEqual([]);
    expect(problems({ ...VALIDATION, extra: 1 })).not.toEqual([]);
    expect(problems({ ...VALIDATION, metrics: { lines: 24, equal: 22.5 } })).not.toEqual([]);
  });
});
