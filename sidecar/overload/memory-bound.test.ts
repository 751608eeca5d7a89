import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findMemoryBound, memoryReader, retainedMemory } from './memory-bound.ts'

const MIB = 1024 * 1024
const MACHINE = 16 * 1024 * MIB

/** A file system that holds these files. */
const reading = (files: Readonly<Record<string, string>>) => (path: string) => files[path]

const v2 = (folder: string, max: string, current = 0, inactiveFile = 0) => ({
  [`/sys/fs/cgroup${folder}/memory.max`]: `${max}\n`,
  [`/sys/fs/cgroup${folder}/memory.current`]: `${current}\n`,
  [`/sys/fs/cgroup${folder}/memory.stat`]: `anon 1\nfile 2\ninactive_file ${inactiveFile}\nactive_file 3\n`,
})
const v1 = (folder: string, max: string, usage = 0, inactiveFile = 0) => ({
  [`/sys/fs/cgroup/memory${folder}/memory.limit_in_bytes`]: `${max}\n`,
  [`/sys/fs/cgroup/memory${folder}/memory.usage_in_bytes`]: `${usage}\n`,
  [`/sys/fs/cgroup/memory${folder}/memory.stat`]: `inactive_file 7\ntotal_inactive_file ${inactiveFile}\n`,
})
const V1_GROUPS = '9:cpu,cpuacct:/a\n4:memory:/kubepods/pod1/c1\n0::/\n'
const V1_NONE = '9223372036854771712'

describe('[LOAD-3] what bounds memory', () => {
  test('is what was given, whatever the cgroup says', () => {
    const files = { '/proc/self/cgroup': '0::/\n', ...v2('', `${64 * MIB}`) }
    expect(findMemoryBound(256 * MIB, MACHINE, reading(files))).toEqual({ kind: 'memory-max', bytesMax: 256 * MIB })
  })

  test('is the limit of the cgroup, v2', () => {
    const files = { '/proc/self/cgroup': '0::/app.slice/one\n', ...v2('/app.slice/one', `${512 * MIB}`) }
    expect(findMemoryBound(undefined, MACHINE, reading(files))).toEqual({
      kind: 'cgroup',
      bytesMax: 512 * MIB,
      usagePath: '/sys/fs/cgroup/app.slice/one/memory.current',
      statPath: '/sys/fs/cgroup/app.slice/one/memory.stat',
      reclaimable: 'inactive_file',
    })
  })

  test('is the lowest limit of all cgroups around us', () => {
    const files = {
      '/proc/self/cgroup': '0::/a/b/c\n',
      ...v2('/a', `${300 * MIB}`),
      ...v2('/a/b', 'max'),
      ...v2('/a/b/c', `${400 * MIB}`),
    }
    expect(findMemoryBound(undefined, MACHINE, reading(files))).toMatchObject({
      bytesMax: 300 * MIB,
      usagePath: '/sys/fs/cgroup/a/memory.current',
    })
  })

  test('is the limit of the cgroup, v1, also where the container sees but its own folder', () => {
    const own = { '/proc/self/cgroup': V1_GROUPS, ...v1('/kubepods/pod1/c1', `${128 * MIB}`), ...v1('', V1_NONE) }
    expect(findMemoryBound(undefined, MACHINE, reading(own))).toMatchObject({
      bytesMax: 128 * MIB,
      usagePath: '/sys/fs/cgroup/memory/kubepods/pod1/c1/memory.usage_in_bytes',
      reclaimable: 'total_inactive_file',
    })
    const rootOnly = { '/proc/self/cgroup': V1_GROUPS, ...v1('', `${128 * MIB}`) }
    expect(findMemoryBound(undefined, MACHINE, reading(rootOnly))).toMatchObject({
      bytesMax: 128 * MIB,
      usagePath: '/sys/fs/cgroup/memory/memory.usage_in_bytes',
    })
  })

  test.each([
    ['there is no cgroup', {}],
    ['no cgroup has a limit, v2', { '/proc/self/cgroup': '0::/a\n', ...v2('/a', 'max'), ...v2('', 'max') }],
    ['no cgroup has a limit, v1', { '/proc/self/cgroup': V1_GROUPS, ...v1('/kubepods/pod1/c1', V1_NONE) }],
    ['the limit is what the machine has', { '/proc/self/cgroup': '0::/a\n', ...v2('/a', `${MACHINE}`) }],
    ['the files hold nonsense', { '/proc/self/cgroup': 'memory\n0::a\n', ...v2('', '0') }],
  ])('is nothing where %s', (_why, files) => {
    expect(findMemoryBound(undefined, MACHINE, reading(files))).toEqual({ kind: 'none' })
  })
})

describe('[LOAD-3] how much of it is used', () => {
  const own = (residentMib: number, heapMib = 1, heapMibMax = 1000) => ({
    residentBytes: () => residentMib * MIB,
    heap: () => ({ usedBytes: heapMib * MIB, bytesMax: heapMibMax * MIB, accountedBytes: MIB }),
  })
  const cgroup = (usedMib: number, inactiveFileMib: number) => {
    const files = { '/proc/self/cgroup': '0::/a\n', ...v2('/a', `${100 * MIB}`, usedMib * MIB, inactiveFileMib * MIB) }
    return { bound: findMemoryBound(undefined, MACHINE, reading(files)), read: reading(files) }
  }
  const taken = (usedMib: number, inactiveFileMib: number, residentMib: number) => {
    const { bound, read } = cgroup(usedMib, inactiveFileMib)
    return memoryReader(bound, own(residentMib), read)()
  }

  test('of --memory-max is what is resident', () => {
    expect(memoryReader({ kind: 'memory-max', bytesMax: 200 * MIB }, own(190), () => undefined)()).toEqual({
      ...{ of: 'memory-max', usedBytes: 190 * MIB, bytesMax: 200 * MIB, ratio: 0.95 },
    })
  })

  test('of a cgroup is what the kernel counts, less the file cache that it takes back first', () => {
    expect(taken(97, 20, 60)).toMatchObject({ of: 'cgroup', usedBytes: 77 * MIB, ratio: 0.77 })
    expect(taken(97, 2, 60)).toMatchObject({ of: 'cgroup', ratio: 0.95 })
  })

  test('of a cgroup in which others use more than half is what is our own', () => {
    expect(taken(97, 0, 40)).toMatchObject({ of: 'cgroup', usedBytes: 40 * MIB, ratio: 0.4 })
    expect(taken(97, 0, 49)).toMatchObject({ ratio: 0.97 })
  })

  test('of a cgroup whose files have gone is what is resident', () => {
    const { bound } = cgroup(97, 0)
    expect(memoryReader(bound, own(60), () => undefined)()).toMatchObject({ of: 'cgroup', ratio: 0.6 })
  })

  test('leaves out what the program has freed and its allocator keeps, until memory grows beyond where it was', () => {
    const now = { resident: 100, accounted: 40 }
    const process = {
      residentBytes: () => now.resident * MIB,
      heap: () => ({ usedBytes: 0, bytesMax: 1, accountedBytes: now.accounted * MIB }),
    }
    const read = memoryReader({ kind: 'memory-max', bytesMax: 400 * MIB }, process, () => undefined)
    const usedMib = (resident: number, accounted: number) => {
      Object.assign(now, { resident, accounted })
      return read().usedBytes / MIB
    }
    // 60 are the program itself.
    expect(usedMib(100, 40)).toBe(100)
    expect(usedMib(390, 330)).toBe(390)
    // A little more is no growth: it changes nothing of what was accounted for at the peak.
    expect(usedMib(392, 320)).toBe(380)
    // 260 were freed; 40 came back to the system.
    expect(usedMib(350, 70)).toBe(130)
    // It is used again.
    expect(usedMib(350, 270)).toBe(330)
    // By what nobody accounts for, too: once more is resident than ever was, all of it counts.
    expect(usedMib(393, 70)).toBe(130)
    expect(usedMib(395, 70)).toBe(395)
    expect(usedMib(100, 70)).toBe(100)
  })

  test('never leaves out more than leaves room for the program and for what is accounted for', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1_000), fc.nat(1_000)), { minLength: 1, maxLength: 50 }), steps => {
        const retained = retainedMemory(4)
        const [first] = steps
        const program = Math.max(0, (first?.[0] ?? 0) - (first?.[1] ?? 0))
        let highest = 0
        for (const [resident, accounted] of steps) {
          const used = resident - retained(resident, accounted)
          expect(used).toBeLessThanOrEqual(resident)
          expect(used).toBeGreaterThanOrEqual(Math.min(resident, accounted + program))
          if (resident > highest + 4) expect(used).toBe(resident)
          highest = Math.max(highest, resident)
        }
      }),
    )
  })

  test('of the heap counts where that is nearer to its end', () => {
    expect(memoryReader({ kind: 'none' }, own(500, 930, 1000), () => undefined)()).toMatchObject({
      of: 'javascript-heap',
      ratio: 0.93,
    })
    const bound = { kind: 'memory-max', bytesMax: 1000 * MIB } as const
    expect(memoryReader(bound, own(900, 95, 100), () => undefined)()).toMatchObject({ of: 'javascript-heap' })
    expect(memoryReader(bound, own(900, 80, 100), () => undefined)()).toMatchObject({ of: 'memory-max', ratio: 0.9 })
  })
})
