import { join } from 'node:path'
import { startApplication } from './intercepted.ts'
import { APPLICATION_ID, type Host } from './namespaces.ts'
import { type Program, run } from './program.ts'

/** Making a database's first files takes seconds on a machine that does something else besides. */
const MAKING_MS = 60_000
const READY_MS = 30_000

/** What each server is found by, and the Debian package that brings it. The first that is there counts. */
const NEEDED = {
  'redis-server': { find: 'command -v redis-server', package: 'redis-server' },
  'redis-cli': { find: 'command -v redis-cli', package: 'redis-tools' },
  // Debian keeps them by version, and off the PATH.
  initdb: { find: 'ls -d /usr/lib/postgresql/*/bin/initdb', package: 'postgresql' },
  psql: { find: 'command -v psql', package: 'postgresql-client' },
  mariadbd: { find: 'command -v mariadbd', package: 'mariadb-server' },
  'mariadb-install-db': { find: 'command -v mariadb-install-db', package: 'mariadb-server' },
  mariadb: { find: 'command -v mariadb', package: 'mariadb-client' },
  aiosmtpd: { find: 'command -v aiosmtpd', package: 'python3-aiosmtpd' },
  openssl: { find: 'command -v openssl', package: 'openssl' },
  curl: { find: 'command -v curl', package: 'curl' },
} as const
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`

/** Throws where a program is missing, in words that say how to install all that are. */
export async function needServers(): Promise<void> {
  const missing: (keyof typeof NEEDED)[] = []
  for (const [name, { find }] of Object.entries(NEEDED)) {
    const found = await run(['sh', '-c', find], { env: { PATH } })
    if (found.code !== 0) missing.push(name as keyof typeof NEEDED)
  }
  if (missing.length === 0) return
  const packages = [...new Set(missing.map(name => NEEDED[name].package))].join(' ')
  throw new Error(
    `Cannot try real programs: missing are ${missing.join(', ')}. Run: apt-get install --no-install-recommends ${packages}`,
  )
}

/** Keeps nothing on disk. */
export function startRedis(host: Host, port: number): Promise<Program> {
  const words = ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', host.dir]
  return startApplication(host, words, /Ready to accept connections/)
}

/** PostgreSQL with a certificate of its own, which trusts whoever comes as `shop`. It refuses to run as root, and as a user without a name. */
export async function startPostgres(host: Host, port: number): Promise<Program> {
  const initdb = (await host.must(['sh', '-c', `${NEEDED.initdb.find} | sort -V | tail -n 1`])).trim()
  const id = Number(await host.must(['id', '-u', 'postgres']))
  const dir = join(host.dir, 'postgres')
  await host.must([initdb, '-D', dir, '-A', 'trust', '-U', 'shop', '--no-sync', '--no-instructions'], {
    id,
    timeoutMs: MAKING_MS,
  })
  const { key, certificate } = await makeCertificate(host, 'postgres', id)
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    ssl: 'on',
    ssl_cert_file: certificate,
    ssl_key_file: key,
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const program = host.start([initdb.replace(/initdb$/, 'postgres'), '-D', dir, ...flags], { id })
  await program.line(/ready to accept connections/, READY_MS)
  return program
}

/** MariaDB, where `shop` may do anything, from anywhere. */
export async function startMariadb(host: Host, port: number): Promise<Program> {
  const dir = join(host.dir, 'mariadb')
  const making = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve']
  await host.must(['mariadb-install-db', '--no-defaults', `--datadir=${dir}`, ...making], {
    id: APPLICATION_ID,
    timeoutMs: MAKING_MS,
  })
  const first = host.write(
    'mariadb.sql',
    "CREATE USER shop@'%' IDENTIFIED BY 'shop';\nGRANT ALL ON *.* TO shop@'%';\nCREATE DATABASE shop;\n",
  )
  const flags = [
    ...[`--datadir=${dir}`, `--socket=${join(dir, 'socket')}`, `--port=${port}`, '--bind-address=127.0.0.1'],
    ...[`--init-file=${first}`, '--skip-name-resolve', '--innodb-buffer-pool-size=16M', '--max-allowed-packet=64M'],
  ]
  const program = host.start(['mariadbd', '--no-defaults', ...flags], { id: APPLICATION_ID })
  await program.line(/ready for connections/, READY_MS)
  return program
}

/** aiosmtpd, which prints each mail that it is given. */
export async function startSmtp(host: Host, port: number): Promise<Program> {
  const words = ['aiosmtpd', '-n', '-l', `127.0.0.1:${port}`, '-c', 'aiosmtpd.handlers.Debugging', 'stdout', '-d']
  return startApplication(host, words, /Server is listening/, { PYTHONUNBUFFERED: '1' })
}

/** openssl's own server, which answers HTTP over TLS. */
export async function startTls(host: Host, port: number): Promise<Program> {
  const { key, certificate } = await makeCertificate(host, 'application', APPLICATION_ID)
  const words = ['openssl', 's_server', '-accept', `127.0.0.1:${port}`, '-key', key, '-cert', certificate, '-www']
  return startApplication(host, words, /ACCEPT/)
}

/** A certificate that nobody has signed, and its key, which only the user may read. */
async function makeCertificate(host: Host, name: string, id: number) {
  const [key, certificate] = [join(host.dir, `${name}.key`), join(host.dir, `${name}.crt`)]
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const files = ['-keyout', key, '-out', certificate, '-subj', `/CN=${name}.example`]
  await host.must(['openssl', ...made, ...files], { id })
  await host.must(['chmod', '600', key])
  return { key, certificate }
}
