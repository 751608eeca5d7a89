import { expect, test } from 'vitest'
import { readCliEnvironment } from './config.ts'
import { execute } from './program.ts'

/** Runs a command that needs no control plane. */
async function run(...args: string[]) {
  let out = ''
  let err = ''
  const terminal = {
    out: (text: string) => {
      out += text
    },
    err: (text: string) => {
      err += text
    },
    interactive: false,
    colour: false,
    columns: () => 80,
  }
  const env = readCliEnvironment({ SELVEDGE_HOME: '/nonexistent' })
  return { status: await execute(args, env, terminal), out, err }
}

test.each([
  [['aply'], 'did you mean apply?'],
  [['apply', '--filname', 'x'], 'did you mean --filename?'],
  [['get', 'servce'], 'did you mean "service"?'],
  [['proxy', 'stauts'], 'did you mean status?'],
])('wrong usage %j ends with 2, in one sentence that names the nearest', async (args, words) => {
  const { status, err } = await run(...args)
  expect(status).toBe(2)
  expect(err).toContain(words)
  expect(err.trimEnd().split('\n')).toHaveLength(1)
})

test('a file of resources that is wrong is refused with its place', async () => {
  const { status, err } = await run('apply', '-f', new URL('../package.json', import.meta.url).pathname)
  expect(status).toBe(1)
  expect(err).toContain('package.json')
})

test('without a mesh, one is told how to get one', async () => {
  const { status, err } = await run('top', '--once')
  expect(status).toBe(1)
  expect(err).toContain('selvedge up')
})

test.each(['up', 'run', 'apply', 'get', 'describe', 'delete', 'top', 'graph', 'trace', 'version'])(
  '"%s --help" has examples',
  async name => {
    const { status, out } = await run(name, '--help')
    expect(status).toBe(0)
    expect(out).toContain('Examples:')
  },
)
