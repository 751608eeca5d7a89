import { fileURLToPath } from 'node:url'
import { LOAD_CORE, SERVICE_HOST } from './plan.ts'
import type { Workspace } from './workspace.ts'

/** What wrk saw from outside. */
export interface LoadResult {
  readonly requests: number
  readonly durationUs: number
  readonly p50Us: number
  readonly p99Us: number
  /** Connections, reads, writes and answers that failed, timed out, or had a status from 400 on. */
  readonly failed: number
}

const REPORT = fileURLToPath(new URL('wrk-report.lua', import.meta.url))

/** Sends requests over `connections` kept-alive connections, each as soon as the last was answered. */
export async function sendLoad(
  workspace: Workspace,
  url: string,
  wish: { readonly connections: number; readonly seconds: number },
): Promise<LoadResult> {
  const args = [
    ...['--threads', '1', '--connections', String(wish.connections), '--duration', `${wish.seconds}s`],
    ...['--header', `Host: ${SERVICE_HOST}`, '--script', REPORT, '--latency', '--timeout', '5s', url],
  ]
  const output = await workspace.run(LOAD_CORE, 'wrk', args)
  const line = output.trimEnd().split('\n').at(-1) ?? ''
  return JSON.parse(line) as LoadResult
}
