/** JSON as the schema has it: two blanks of indent, keys in registry order, one line end at the end. */

export function renderJson(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
