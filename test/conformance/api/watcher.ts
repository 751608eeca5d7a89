import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { Plane } from './plane.ts'

export interface WatchEvent {
  readonly type: string
  readonly object: {
    readonly code?: number
    readonly message?: string
    readonly kind?: string
    readonly metadata: { readonly name?: string; readonly resourceVersion?: string; readonly [more: string]: unknown }
    readonly [more: string]: unknown
  }
}

/** A watch over a connection of its own, whose reader can stand still. */
export class Watcher {
  readonly #request: ClientRequest
  readonly #waiting = new Set<() => void>()
  readonly events: WatchEvent[] = []
  #response: IncomingMessage | undefined
  #ended = false
  status = 0

  constructor(plane: Plane, path: string, reads = true, token = plane.token) {
    this.#request = request(`${plane.url}${path}`, { headers: { authorization: `Bearer ${token}` } }, response => {
      this.status = response.statusCode ?? 0
      this.#response = response
      this.#changed()
      let rest = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) this.events.push(JSON.parse(line) as WatchEvent)
        this.#changed()
      })
      if (!reads) response.pause()
      response.on('close', () => this.#end())
    })
    this.#request.on('error', () => this.#end())
    this.#request.end()
  }

  /** `ADDED reviews`, `BOOKMARK`; without bookmarks, unless they are wanted. */
  told(bookmarks = false): string[] {
    return this.events
      .filter(({ type }) => bookmarks || type !== 'BOOKMARK')
      .map(({ type, object }) => [type, object.metadata.name].join(' ').trim())
  }

  read(): void {
    this.#response?.resume()
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#ended) throw new Error(`the watch has ended: ${this.told(true).join(', ')}`)
      await this.#next()
    }
  }

  async started(): Promise<void> {
    await this.until(() => this.status !== 0)
  }

  async ended(): Promise<void> {
    while (!this.#ended) await this.#next()
  }

  close(): void {
    this.#request.destroy()
  }

  #next(): Promise<void> {
    return new Promise(resolve => this.#waiting.add(resolve))
  }

  #changed(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  #end(): void {
    this.#ended = true
    this.#changed()
  }
}
