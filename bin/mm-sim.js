#!/usr/bin/env node
// Start-up: checks the Node version before anything newer than it is parsed, then hands over.

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`mm-sim: needs Node 20.19 or newer; this is ${process.versions.node}\n`);
  process.exit(2);
}

let main;
try {
  ({ main } = await import('../dist/cli/main.js'));
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  process.stderr.write("mm-sim: the built program is missing; run 'npm ci' in its folder\n");
  process.exit(5);
}
await main(process.argv);
