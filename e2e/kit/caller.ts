import { fileURLToPath } from 'node:url'
import type { Mesh } from './mesh.ts'

/** What a caller has counted since it was told to begin. */
export interface Counts {
  readonly sent: number
  readonly done: number
  readonly failed: number
  readonly slowestMs: number
  /** Answers by who gave them. */
  readonly by: Readonly<Record<string, number>>
  /** The first few failures, in words. */
  readonly failures: readonly string[]
}

export interface Call {
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly head: Readonly<Record<string, string>>
  readonly body: string
}

const START_MS = 20_000
const ANSWER_MS = 90_000

/** A program of e2e/programs, for a Process's command. */
export function programPath(name: string): string {
  return fileURLToPath(new URL(`../programs/${name}`, import.meta.url))
}

/** The Process of a caller; it has no service. */
export function callerProcess(name = 'caller', namespace = 'shop'): string {
  return `
---
apiVersion: selvedge.dev/v1
kind: Process
metadata: { name: ${name}, namespace: ${namespace} }
spec: { command: [node, ${programPath('caller.ts')}] }
`
}

/** The Process of a service that answers with its name. */
export function echoProcess(name: string, service: string, more = ''): string {
  return `
---
apiVersion: selvedge.dev/v1
kind: Process
metadata: { name: ${name}, namespace: shop }
spec:
  command: [node, ${programPath('echo.ts')}]
  service: ${service}
  labels: { version: ${name} }
  env: { NAME: ${name}${more} }
`
}

/** Steers the caller program from outside: what it calls goes through its own sidecar. */
export class Caller {
  readonly #control: string

  constructor(port: number) {
    this.#control = `http://127.0.0.1:${port}`
  }

  /** Begins a steady load; what was counted before is forgotten. */
  async load(call: Call & { perSecond: number }): Promise<void> {
    await this.#ask('/load', call)
  }

  /** Ends the load; answers when the last answer has come. */
  stop(): Promise<Counts> {
    return this.#ask('/stop', {})
  }

  counts(): Promise<Counts> {
    return this.#ask('/counts', {})
  }

  burst(call: Call & { count: number; concurrency: number }): Promise<Counts> {
    return this.#ask('/burst', call)
  }

  once(call: Call): Promise<Answer> {
    return this.#ask('/once', call)
  }

  async #ask<T>(path: string, body: unknown): Promise<T> {
    const answer = await fetch(`${this.#control}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    const value = (await answer.json()) as T
    if (!answer.ok) throw new Error(`The caller could not do ${path}: ${JSON.stringify(value)}`)
    return value
  }
}

export async function callerIn(mesh: Mesh, name = 'caller'): Promise<Caller> {
  const [, port] = await mesh.program.line(new RegExp(`^${name} +\\| control ([0-9]+)`), START_MS)
  return new Caller(Number(port))
}
