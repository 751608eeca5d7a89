import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeFolder } from '../../common/folders/mod.ts'
import { err, ok, type Result } from '../../common/mod.ts'
import { CliFailure, codeOf, messageOf } from '../failure.ts'

/** What the CLI remembers of a running mesh. Holds its bearer token, so the file is the owner's alone (0600). */
export interface Context {
  /** `http://127.0.0.1:15080` */
  readonly server: string
  readonly token: string
  /** `host:port` */
  readonly discovery: string
  /** `host:port` */
  readonly enrolment: string
  /** The file of the mesh's CA (PEM), where the REST API speaks TLS. */
  readonly ca?: string
  /** The folder with the state folders of its sidecars. */
  readonly sidecars?: string
  /** The `selvedge up` that wrote it; once that has ended, the file is stale. */
  readonly pid: number
}

/** `undefined` where there is no file. */
export function readContext(file: string): Result<Context | undefined, string> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return ok(undefined)
    return err(`Cannot read the context file ${file}: ${messageOf(thrown)}; remove it, or name another with --context`)
  }
  const context = parseContext(text)
  if (context === undefined)
    return err(`Cannot use the context file ${file}: it is not what "selvedge up" writes; remove it and start again`)
  return ok(context)
}

function parseContext(text: string): Context | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { server, token, discovery, enrolment, ca, sidecars, pid } = value as Record<string, unknown>
  if (typeof server !== 'string' || typeof token !== 'string' || typeof discovery !== 'string') return undefined
  if (typeof enrolment !== 'string' || typeof pid !== 'number') return undefined
  if (ca !== undefined && typeof ca !== 'string') return undefined
  if (sidecars !== undefined && typeof sidecars !== 'string') return undefined
  return {
    ...{ server, token, discovery, enrolment, pid },
    ...(ca === undefined ? {} : { ca }),
    ...(sidecars === undefined ? {} : { sidecars }),
  }
}

/** Writes the file whole (a reader sees the old one or the new one), readable by its owner only. Throws `CliFailure`. */
export function writeContext(file: string, context: Context): void {
  const temporary = join(dirname(file), `.context-${process.pid}.tmp`)
  try {
    makeFolder(dirname(file))
    writeFileSync(temporary, `${JSON.stringify(context, undefined, 2)}\n`, { mode: 0o600 })
    renameInto(temporary, file)
  } catch (thrown) {
    throw new CliFailure(
      `Cannot write the context file ${file}: ${messageOf(thrown)}; name another with --context, or another folder with SELVEDGE_HOME`,
    )
  }
}

/** A failure leaves no token behind. */
function renameInto(temporary: string, file: string): void {
  try {
    renameSync(temporary, file)
  } catch (thrown) {
    rmSync(temporary, { force: true })
    throw thrown
  }
}

/** Takes a context away at the end of the `up` that wrote it; one that another has written meanwhile stays. */
export function removeContext(file: string, pid: number): void {
  const held = readContext(file)
  if (held.ok && held.value?.pid === pid) rmSync(file, { force: true })
}

/** Whether a process with this id lives. One that belongs to somebody else lives too. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return codeOf(thrown) === 'EPERM'
  }
}
