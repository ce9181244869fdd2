import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT, type UserError } from '../../src/kernel/errors.js';
import { chooseMachine } from '../../src/machine/choose-machine.js';
import { parseIomem } from '../../src/machine/iomem.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mm-sim-machine-'));
  await writeFile(join(folder, 'iomem.txt'), IOMEM);
});
afterAll(() => rm(folder, { recursive: true }));

const IOMEM = `00000000-00000fff : Reserved
00001000-0009fbff : System RAM
0009fc00-0009ffff : Reserved
000f0000-000fffff : System ROM
00100000-1ffdcfff : System RAM
  01000000-0229785f : Kernel code
  02400000-030bbfff : Kernel rodata
1ffdd000-1fffffff : Reserved
100000000-13fffffff : System RAM
`;

async function build(json: unknown) {
  const file = join(folder, 'mine.json');
  await writeFile(file, typeof json === 'string' ? json : JSON.stringify(json));
  return chooseMachine({ machine: file });
}

describe('machine files', () => {
  test('by size, with everything else', async () => {
    const machine = await build({
      name: 'my box',
      memory: '4G',
      cpus: 3,
      kernel: '6.12',
      movablecore: '512M',
      thp: false,
      minFreeKbytes: 20000,
      watermarkScaleFactor: 20,
      watermarkBoostFactor: 0,
      gbPages: false,
      tlbFlushCeiling: 100,
      invlpgb: true,
      freeHighBatch: false,
    });
    expect(machine).toMatchObject({
      name: 'my box',
      cpus: 3,
      minFreeKbytes: 20000,
      watermarkBoostFactor: 0,
      gbPages: false,
      tlbFlushCeiling: 100,
      invlpgb: true,
      freeHighBatch: false,
    });
    expect(machine.rules.version).toBe('6.12');
    expect(machine.zones.map((zone) => zone.name)).toEqual(['DMA', 'DMA32', 'Normal', 'Movable']);
  });

  test('by ranges in bytes or pfns: the same machine, with the name of the file', async () => {
    const bytes = await build({
      ram: [
        [0, '640K'],
        ['1M', '0x10000000'],
      ],
      reserved: [['1M', 0x101001]],
    });
    const pfns = await build({
      ramPfns: [
        [0, 160],
        [256, '0x10000'],
      ],
      reservedPfns: [['0x100', '0x101']],
    });
    const two = await build({
      ramPfns: [
        [1, 160],
        [256, 65536],
      ],
      reservedPfns: [[256, 258]],
    });
    expect(pfns.name).toBe('mine');
    expect(pfns.ram).toEqual([
      { start: 1, end: 0xa0 },
      { start: 0x100, end: 0x10000 },
    ]);
    expect(pfns.reserved).toEqual([{ start: 0x100, end: 0x101 }]);
    // A byte more reserves the next page as well.
    expect(bytes).toEqual(two);
  });

  test('nothing reserved', async () => {
    const machine = await build({ ramPfns: [[256, 1024]], reservedPfns: [] });
    expect(machine.zones[0]).toMatchObject({ present: 768, managed: 768 });
  });

  test('from a copy of /proc/iomem beside the file', async () => {
    const machine = await build({ iomem: 'iomem.txt', cpus: 2 });
    expect(machine.ram).toEqual([
      { start: 1, end: 0x9f },
      { start: 0x100, end: 0x1ffdd },
      { start: 0x100000, end: 0x140000 },
    ]);
    expect(machine.reserved.slice(1, 3)).toEqual([
      { start: 0x1000, end: 0x2298 },
      { start: 0x2400, end: 0x30bc },
    ]);
  });

  test.each([
    ['{ "memory": }', 'this is not JSON'],
    [{ memory: '4Q' }, 'memory: must be a size: whole bytes, or text such as "16G", but is "4Q"'],
    [{ memory: '1M' }, 'memory: must be at least 8M, but is 1048576'],
    [{ memory: true }, 'memory: must be a size: whole bytes, or text such as "16G", but is true'],
    [{ memory: '1G', cpu: 4 }, 'cpu: there is no such key'],
    [{ memory: '1G', cpus: 0 }, 'cpus: must be >=1, but is 0'],
    [{ memory: '1G', cpus: 1.5 }, 'cpus: must be a whole number, but is 1.5'],
    [{ memory: '1G', gbPages: 'yes' }, 'gbPages: must be boolean, but is "yes"'],
    [
      { memory: '1G', kernel: '5.4' },
      'kernel: must be 7.3, 7.2, 6.12 or another 6.x or 7.x from 6.12 on, but is "5.4"',
    ],
    [{ memory: '1G', name: '/a' }, 'name: must be a name, without slashes, but is "/a"'],
    [{ cpus: 2 }, 'one of memory, ram, ramPfns, iomem says what RAM there is; none of them is there'],
    [
      { memory: '1G', iomem: 'x' },
      'one of memory, ram, ramPfns, iomem says what RAM there is; memory and iomem are there',
    ],
    [
      { memory: '1G', reserved: [], reservedPfns: [] },
      'reserved and reservedPfns are there; one of them is enough',
    ],
    [{ ramPfns: [[1, 2, 3]] }, 'ramPfns.0.2: is one value too many'],
    [{ ramPfns: [[5, 5]] }, 'ramPfns.0: the end must be above the start; ends are exclusive'],
    [{ ramPfns: [[5, 2 ** 37]] }, 'ramPfns.0: memory above 256 TiB is not modelled'],
    [{ ram: [[0, 4096]] }, 'ram: nothing is left without page 0 and the hole from 640K to 1M'],
    [[], 'one of memory, ram, ramPfns, iomem says what RAM there is; none of them is there'],
  ])('%j', async (json, message) => {
    const error: UserError = await build(json).then(
      () => expect.fail('no error'),
      (reason) => reason,
    );
    expect(error).toMatchObject({
      exitCode: EXIT.badInput,
      message,
      place: { file: join(folder, 'mine.json') },
    });
  });

  test('a file that is not there', async () => {
    await expect(chooseMachine({ machine: join(folder, 'none.json') })).rejects.toMatchObject({
      exitCode: EXIT.badInput,
      message: 'cannot be read (there is no such file)',
    });
  });
});

describe('iomem', () => {
  test('of a user who is not root', () => {
    const hidden = IOMEM.replace(/^( *)[0-9a-f]+-[0-9a-f]+/gm, '$100000000-00000000');
    expect(() => parseIomem(hidden, 'iomem')).toThrow(
      expect.objectContaining({ advice: 'copy /proc/iomem as root: for others all addresses are zero' }),
    );
  });

  test('another file', () => {
    expect(() => parseIomem('MemTotal: 986924 kB\n', 'meminfo')).toThrow(
      expect.objectContaining({ place: { file: 'meminfo', line: 1 } }),
    );
  });
});
