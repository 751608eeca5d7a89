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

test.each([
  ['apply'],
  ['apply', '-f'],
  ['apply', '--wait', 'soon', '-f', 'x'],
  ['apply', '-f', 'x', '-o', 'xml'],
  ['delete'],
  ['delete', 'service'],
  ['delete', 'service', 'a', '-f', 'x'],
  ['diff'],
  ['diff', 'x'],
  ['get'],
  ['get', 'service', 'a', '-l', 'b=c'],
  ['get', 'service', '--sort'],
  ['describe', 'service'],
  ['history', 'service'],
  ['history', 'servce', 'a'],
  ['history', '--limit', '0'],
  ['history', '--limit', '1001'],
  ['rollback'],
  ['rollback', 'x'],
  ['rollback', '3', 'service'],
  ['run', '--port', '65536', '--', 'true'],
  ['check', '--expiry', 'soon'],
  ['check', 'me'],
  ['token', 'create'],
  ['token', 'create', '--service-account', 'reviews'],
  ['token', 'create', '--read-only', '--read-write'],
  ['token', 'create', '--read-only', '--service-account', 'a/b'],
  ['token', 'create', '--read-only', '--uses', '2'],
  ['token', 'create', '--service-account', 'a/b', '--name', 'c'],
  ['token', 'create', '--service-account', 'a/b', '--uses', '0'],
  ['token', 'revoke'],
  ['token', 'lst'],
  ['proxy', 'status', '-o', 'dot'],
  ['cert', 'inspect'],
  ['intercept', 'instal'],
  ['intercept', 'install', '--sidecar-uid', 'root'],
  ['intercept', 'install', '--sidecar-uid', ''],
  ['intercept', 'install', '--outbound-port', 'http'],
  ['intercept', 'install', '--inbound-port', '15001'],
  ['intercept', 'install', '--exclude-inbound-ports', '90-80'],
  ['intercept', 'install', '--exclude-outbound-cidrs', '10.0.0.0/33'],
  ['intercept', 'install', '--backend', 'ebtables'],
  ['intercept', 'show', '-o', 'xml'],
  ['graph', '--window', 'x'],
  ['top', '--window', '-1s'],
  ['get', 'service', '--server', 'http://['],
])('wrong use is told in one sentence, with 2: selvedge %s %s %s %s %s', async (...args) => {
  const { status, out, err } = await run(...args.filter(arg => arg !== undefined))
  expect(status).toBe(2)
  expect(out).toBe('')
  expect(err).toMatch(/^Cannot [a-z]/)
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

test.each([
  'up',
  'run',
  'apply',
  'get',
  'describe',
  'delete',
  'diff',
  'history',
  'rollback',
  'check',
  'top',
  'graph',
  'trace',
  'inject',
  'install',
  'version',
])('"%s --help" has examples', async name => {
  const { status, out } = await run(name, '--help')
  expect(status).toBe(0)
  expect(out).toContain('Examples:')
})

test('a dry run prints the rules, with no rights and no tools', async () => {
  const { status, out, err } = await run(
    'intercept',
    'install',
    '--dry-run',
    '--backend',
    'iptables',
    '--sidecar-uid',
    '7',
  )
  expect([status, err]).toEqual([0, ''])
  expect(out).toContain('-A SELVEDGE_OUTBOUND -m owner --uid-owner 7 ')
  expect(out).not.toContain('--gid-owner')
})
