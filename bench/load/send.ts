import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LOAD_CORES, type Load, SERVICE_HOST } from '../plan.ts'
import type { Workspace } from '../workspace.ts'
import { type LoadResult, readH2load, readWrk } from './read.ts'

const REPORT = fileURLToPath(new URL('wrk-report.lua', import.meta.url))

/** wrk ends within its duration and one answer; h2load doesn't end at all while its connections are closed. */
const OVERTIME_MS = 8_000

/** Sends requests to `origin` for some seconds, and says what came of them. */
export async function sendLoad(
  workspace: Workspace,
  origin: string,
  load: Load,
  wish: { readonly connections: number; readonly seconds: number },
): Promise<LoadResult> {
  const url = origin + load.path
  const limitMs = wish.seconds * 1_000 + OVERTIME_MS
  if (load.kind === 'closed') return readWrk(await workspace.run(LOAD_CORES, 'wrk', wrkArgs(url, load, wish), limitMs))
  const log = join(workspace.dir, 'h2load.log')
  try {
    const output = await workspace.run(LOAD_CORES, 'h2load', h2loadArgs(url, log, load, wish), limitMs)
    return readH2load(output, readFileSync(log, 'utf8'))
  } finally {
    // It appends to what is there.
    rmSync(log, { force: true })
  }
}

type Wish = { readonly connections: number; readonly seconds: number }

function wrkArgs(url: string, load: Extract<Load, { kind: 'closed' }>, { connections, seconds }: Wish): string[] {
  return [
    ...['--threads', '1', '--connections', String(connections), '--duration', `${seconds}s`],
    ...['--header', `Host: ${SERVICE_HOST}`, '--script', REPORT, '--latency', '--timeout', '5s', url],
    ...(load.uploadBytes === undefined ? [] : ['--', String(load.uploadBytes)]),
  ]
}

function h2loadArgs(
  url: string,
  log: string,
  load: Exclude<Load, { kind: 'closed' }>,
  { connections, seconds }: Wish,
): string[] {
  return [
    ...['--threads', '1', '--clients', String(connections), '--duration', String(seconds), `--log-file=${log}`],
    ...(load.kind === 'streams'
      ? ['--max-concurrent-streams', String(load.streams)]
      : ['--h1', '--rps', String(load.perSecond)]),
    // With --h1 this becomes the Host, of which `host:` would make a second one.
    ...['--header', `:authority: ${SERVICE_HOST}`, url],
  ]
}
