import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { eventually, yes } from './kit/eventually.ts'
import { asApplication, makeCa, startApplication, startIntercepting } from './kit/intercepted.ts'
import { APPLICATION_ID, SIDECAR_ID, type TwoHosts, twoHosts } from './kit/namespaces.ts'
import { projectRoot } from './kit/program.ts'

/** Where a program on the second host listens. */
const PORT = 8081
/** A redirect to a port at which nobody listens refuses at once. */
const REFUSED = 'refused'

let hosts: TwoHosts

beforeAll(async () => {
  hosts = await twoHosts()
  for (const port of [PORT, 22, 15_012]) {
    const python = ['python3', '-u', '-m', 'http.server', String(port), '--bind', '::', '--directory', hosts.b.dir]
    // Root, since one of the ports is below 1024.
    await hosts.b.start(python).line(/Serving HTTP/, 10_000)
  }
})
afterAll(async () => {
  await hosts?.end()
})

/** All rules of both tools, without what changes by itself. */
async function rulesOf(): Promise<string> {
  const all = 'nft list ruleset; for tool in iptables ip6tables; do $tool-save -t nat; done'
  const text = await hosts.a.must(['sh', '-c', all])
  return text
    .split('\n')
    .filter(line => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/(packets|bytes) \d+|\[\d+:\d+\]/g, '')
}

function install(...flags: string[]) {
  return hosts.a.selvedge(['intercept', 'install', ...flags])
}

/** Whether somebody gets to a port of the second host, or is sent to the sidecar that isn't there. */
async function reaches(url: string, id: number = APPLICATION_ID): Promise<boolean> {
  const ran = await hosts.a.run(['curl', '-sS', '-o', '/dev/null', '--max-time', '5', url], { id })
  if (ran.code !== 0)
    expect(ran.stderr.toLowerCase()).toMatch(new RegExp(`${REFUSED}|failed to connect|couldn't connect`))
  return ran.code === 0
}

const foreign = `http://10.77.0.2:${PORT}/`
const foreign6 = `http://[fd77::2]:${PORT}/`

describe.each(['nft', 'iptables'] as const)('the rules of %s', backend => {
  test('redirect TCP of both families, and leave the sidecar, the mesh, DNS and the machine itself alone', async () => {
    expect(await install('--backend', backend)).toMatchObject({ code: 0, stderr: '' })
    expect([await reaches(foreign), await reaches(foreign6)]).toEqual([false, false])
    expect([await reaches(foreign, SIDECAR_ID), await reaches(foreign6, SIDECAR_ID)]).toEqual([true, true])
    expect([await reaches('http://10.77.0.2:15012/'), await reaches('http://[fd77::2]:15012/')]).toEqual([true, true])
    const { stdout } = await hosts.a.selvedge(['intercept', 'show'])
    expect(stdout).toContain(`redirect rules of ${backend}`)
    expect(stdout).toMatch(/left alone +connections of the sidecar: user 1337 +[1-9]/)
    expect(stdout).toMatch(/to port 15001 +everything else +[1-9]/)
  })

  test('installed twice are the rules installed once', async () => {
    await install('--backend', backend)
    const once = await rulesOf()
    expect(await install('--backend', backend)).toMatchObject({ code: 0 })
    expect(await rulesOf()).toBe(once)
  })

  test('take the place of others, whichever tool wrote those', async () => {
    await install('--backend', backend === 'nft' ? 'iptables' : 'nft', '--exclude-outbound-ports', '8081')
    await install('--backend', backend)
    const now = await rulesOf()
    expect(now).toMatch(backend === 'nft' ? /table inet selvedge/ : /SELVEDGE_OUTBOUND/)
    expect(now).not.toMatch(backend === 'nft' ? /SELVEDGE_OUTBOUND/ : /table inet selvedge/)
    expect(await reaches(foreign)).toBe(false)
  })

  test('leave inbound SSH and excluded ports open, and close the others', async () => {
    const { a, b } = hosts
    await a.selvedge(['intercept', 'remove'])
    onTestFinished(async () => void (await b.selvedge(['intercept', 'remove'])))
    await b.selvedge(['intercept', 'install', '--backend', backend, '--exclude-inbound-ports', '22,9000-9100'])
    expect([await reaches('http://10.77.0.2:22/'), await reaches('http://10.77.0.2:15012/')]).toEqual([true, true])
    expect([await reaches(foreign), await reaches(foreign6)]).toEqual([false, false])
    await b.selvedge(['intercept', 'install', '--backend', backend, '--exclude-inbound-ports', '8081'])
    expect([await reaches(foreign), await reaches(foreign6), await reaches('http://10.77.0.2:22/')]).toEqual([
      true,
      true,
      false,
    ])
    // On the machine itself nothing changes.
    expect(
      await asApplication(b, ['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', 'http://10.77.0.2:22/']),
    ).toBe('200\n')
  })

  test('removed leave nothing behind, and again do nothing', async () => {
    await install('--backend', backend)
    expect(await hosts.a.selvedge(['intercept', 'remove'])).toMatchObject({
      code: 0,
      stdout: 'removed the redirect rules\n',
    })
    expect(await rulesOf()).not.toMatch(/selvedge/i)
    expect(await hosts.a.selvedge(['intercept', 'remove'])).toMatchObject({
      code: 0,
      stdout: 'there were no redirect rules\n',
    })
    expect(await hosts.a.selvedge(['intercept', 'show'])).toMatchObject({
      code: 0,
      stdout: 'no redirect rules are installed\n',
    })
    expect(await reaches(foreign)).toBe(true)
  })

  test('in part, after kill -9 in the middle, are told of, made whole by installing again, and removed', async () => {
    if (backend === 'nft') {
      // One transaction: there is no middle. Killed at any time, there is all of it or nothing.
      for (const afterMs of [50, 150, 250]) {
        const installing = [process.execPath, `${projectRoot}bin/selvedge.js`, 'intercept', 'install']
        await hosts.a.run(['timeout', '-s', 'KILL', String(afterMs / 1_000), ...installing])
        expect((await hosts.a.selvedge(['intercept', 'show'])).code).toBe(0)
      }
      return
    }
    await hosts.a.selvedge(['intercept', 'remove'])
    // A tool for IPv6 that never comes back.
    const tools = join(hosts.a.dir, 'tools')
    mkdirSync(tools, { recursive: true })
    chmodSync(hosts.a.write('tools/ip6tables-restore', '#!/bin/sh\nexec sleep 60\n'), 0o755)
    const stuck = hosts.a.startSelvedge(['intercept', 'install', '--backend', 'iptables'], {
      env: { PATH: `${tools}:${process.env.PATH}:/usr/sbin` },
    })
    await eventually('the rules of IPv4', 10_000, async () =>
      yes((await hosts.a.must(['iptables-save', '-t', 'nat'])).includes('SELVEDGE_OUTBOUND')),
    )
    await stuck.end()
    const half = await hosts.a.selvedge(['intercept', 'show'])
    expect(half).toMatchObject({ code: 1 })
    expect(half.stdout).toContain('incomplete: IPv6 has no rules; run "selvedge intercept install" again')
    expect([await reaches(foreign), await reaches(foreign6)]).toEqual([false, true])
    expect(await install('--backend', 'iptables')).toMatchObject({ code: 0 })
    expect((await hosts.a.selvedge(['intercept', 'show'])).code).toBe(0)
    expect([await reaches(foreign), await reaches(foreign6)]).toEqual([false, false])
  })

  test('are told apart from those of others, which stay', async () => {
    await hosts.a.selvedge(['intercept', 'remove'])
    const others = [
      'nft add table inet others; nft add chain inet others out "{ type filter hook output priority 0; }"; nft add rule inet others out counter',
      'iptables -t nat -N OTHERS; iptables -t nat -A OUTPUT -j OTHERS',
    ]
    await hosts.a.must(['sh', '-ec', others.join('\n')])
    const before = await rulesOf()
    await install('--backend', backend)
    await hosts.a.selvedge(['intercept', 'remove'])
    expect(await rulesOf()).toBe(before)
    await hosts.a.must([
      'sh',
      '-ec',
      'nft delete table inet others; iptables -t nat -D OUTPUT -j OTHERS; iptables -t nat -X OTHERS',
    ])
  })
})

test.each([
  ['nft', '--exclude-outbound-ports', '8000-8100', true],
  ['nft', '--include-outbound-ports', '8081', false],
  ['nft', '--include-outbound-ports', '80,443', true],
  ['nft', '--exclude-outbound-cidrs', '10.77.0.0/24,fd77::/64', true],
  ['nft', '--include-outbound-cidrs', '10.77.0.2,fd77::2', false],
  ['nft', '--sidecar-gid', String(APPLICATION_ID), true],
  ['iptables', '--exclude-outbound-cidrs', '10.77.0.0/24,fd77::/64', true],
  ['iptables', '--include-outbound-cidrs', '10.77.0.2,fd77::2', false],
])('rules of %s with %s %s leave a connection alone: %s', async (backend, flag, value, alone) => {
  expect(await install('--backend', backend, flag, value)).toMatchObject({ code: 0, stderr: '' })
  expect([await reaches(foreign), await reaches(foreign6)]).toEqual([alone, alone])
})

test('whoever is not root is told so in one sentence, and nothing changes', async () => {
  const before = await rulesOf()
  for (const command of ['install', 'remove', 'show']) {
    for (const flags of command === 'install'
      ? [
          ['--backend', 'nft'],
          ['--backend', 'iptables'],
        ]
      : [[]]) {
      const ran = await hosts.a.selvedge(['intercept', command, ...flags], { id: APPLICATION_ID })
      expect(ran.code, command).toBe(1)
      expect(ran.stderr).toMatch(
        /^Cannot (install|remove|look at) redirect rules: not permitted; run it as root, or with the capability NET_ADMIN\n$/,
      )
    }
  }
  expect(await rulesOf()).toBe(before)
})

test('connections that are established go on, also where nothing has been tracked before', async () => {
  const fresh = await twoHosts()
  try {
    const echo =
      "import socket\ns=socket.create_server(('::',7777),family=socket.AF_INET6,dualstack_ipv6=True)\nprint('listens',flush=True)\nwhile True:\n c,_=s.accept()\n import threading\n threading.Thread(target=lambda c=c:[c.sendall(d) for d in iter(lambda:c.recv(99),b'')]).start()"
    await startApplication(fresh.b, ['python3', '-u', '-c', echo], /listens/)
    const client =
      "import socket,sys\nfor a in ('10.77.0.2','fd77::2'):\n globals()['s'+str(len(a))]=socket.create_connection((a,7777),5)\nprint('connected',flush=True)\nimport os,time\nwhile not os.path.exists(sys.argv[1]): time.sleep(.05)\nfor s in (s9,s7):\n s.sendall(b'still here'); print(s.recv(99).decode(),flush=True)"
    const go = join(fresh.a.dir, 'go')
    const program = await startApplication(fresh.a, ['python3', '-u', '-c', client, go], /connected/)
    for (const host of [fresh.a, fresh.b]) expect((await host.selvedge(['intercept', 'install'])).code).toBe(0)
    fresh.a.write('go', '')
    expect(await program.exited).toMatchObject({ code: 0 })
    expect(program.stdout.filter(line => line === 'still here')).toHaveLength(2)
    // New ones are redirected, to a sidecar that isn't there.
    const late = await fresh.a.run(['python3', '-c', "import socket;socket.create_connection(('10.77.0.2',7777),5)"], {
      id: APPLICATION_ID,
    })
    expect(late.stderr).toContain('Connection refused')
  } finally {
    await fresh.end()
  }
})

test('a sidecar whose user the rules do not know refuses its own connections, says so, and lives', async () => {
  const { a } = hosts
  await a.selvedge(['intercept', 'remove'])
  const ca = await makeCa(hosts)
  const resources = `
apiVersion: selvedge.dev/v1
kind: Workload
metadata: { name: alone, namespace: shop }
spec: { address: ${a.address}, serviceAccount: alone, ports: [] }
`
  await a.must(['chown', '-R', '4242', ca])
  const sidecar = await startIntercepting(a, ca, { workload: 'shop/alone', resources, id: 4242 })
  for (const url of [foreign, foreign6]) {
    const answer = await asApplication(a, ['curl', '-sS', '--max-time', '8', '-w', '%{http_code}', url])
    expect(answer).toMatch(/50[0-9]\n$/)
  }
  const refused = sidecar.stderr
    .map(line => JSON.parse(line) as { msg: string; uid?: string })
    .filter(({ msg }) => msg.includes("sidecar's own"))
  expect(refused.length).toBeGreaterThanOrEqual(1)
  expect(refused.length).toBeLessThanOrEqual(20)
  expect(refused[0]?.uid).toBe('4242')
  expect(refused[0]?.msg).toContain('selvedge intercept install --sidecar-uid')
  // Installed with its user, all is well.
  expect((await a.selvedge(['intercept', 'install', '--sidecar-uid', '4242'])).code).toBe(0)
  expect(await asApplication(a, ['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', foreign])).toBe('200\n')
  expect(sidecar.over).toBe(false)
  await sidecar.end()
})
