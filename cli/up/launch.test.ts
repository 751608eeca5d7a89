import { describe, expect, test } from 'vitest'
import { launch } from './launch.ts'

const NO_GUARD = { add: () => {}, drop: () => {}, close: () => {} }

/** Real processes: what is tried here is the operating system's part. */
function launchShell(script: string, lines: string[] = []) {
  return launch({
    command: ['/bin/sh', '-c', script],
    env: { PATH: '/usr/bin:/bin' },
    onLine: line => lines.push(line),
    guard: NO_GUARD,
  })
}

/** Pipes of this process that hold its event loop. */
function pipes(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'PipeWrap').length
}

const AT_FIRST = pipes()

describe('a process', () => {
  test('that the system cannot start is an error', async () => {
    const spec = { env: {}, onLine: () => {}, guard: NO_GUARD }
    await expect(launch({ ...spec, command: ['/does/not/exist'] })).rejects.toThrow(/ENOENT/)
  })

  test('whose folder is not there is an error that names the folder, not the command', async () => {
    const launched = launch({
      command: ['/bin/sh'],
      cwd: '/does/not/exist',
      env: {},
      onLine: () => {},
      guard: NO_GUARD,
    })
    await expect(launched).rejects.toThrow('its folder /does/not/exist is not there')
  })

  test('is read to its last line', async () => {
    const lines: string[] = []
    const child = await launchShell('for i in 1 2 3; do echo $i; done; printf last', lines)
    await child.exited
    await expect.poll(() => lines).toEqual(['1', '2', '3', 'last'])
  })

  test.runIf(process.platform === 'linux')(
    'that has ended does not hold us by a daemon that keeps its output open',
    async () => {
      // Those of the tests before may still be closing.
      await expect.poll(pipes).toBe(AT_FIRST)
      // A session of its own: no signal to the group reaches it.
      const child = await launchShell('setsid sleep 3 & sleep 0.1')
      expect(pipes()).toBeGreaterThan(AT_FIRST)
      await child.exited
      await expect.poll(pipes).toBe(AT_FIRST)
    },
  )
})
