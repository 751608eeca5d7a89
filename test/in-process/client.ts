import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Question {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  readonly agent?: Agent
}

const ANSWER_MS_MAX = 10_000

/** One request, on a connection of its own. `target` is a URL (absolute-form, as to a proxy) or a path. */
export async function ask(port: number, target: string, question: Question = {}): Promise<Answer> {
  const response = await begin(port, target, question)
  const parts: Buffer[] = []
  for await (const chunk of response) parts.push(chunk as Buffer)
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts).toString() }
}

/** As `ask`, but settles at the answer's head. */
export function begin(port: number, target: string, question: Question = {}): Promise<IncomingMessage> {
  const { method = 'GET', headers = {}, body, agent } = question
  return new Promise((resolve, reject) => {
    const sent = request({
      ...{ host: '127.0.0.1', port, method, path: target, timeout: ANSWER_MS_MAX },
      agent: agent ?? false,
      headers: target.includes('://') ? { host: new URL(target).host, ...headers } : headers,
    })
    sent.on('response', resolve)
    sent.on('error', reject)
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${ANSWER_MS_MAX} ms`)))
    sent.end(body)
  })
}

export function keepAlive(sockets: number): Agent {
  return new Agent({ keepAlive: true, maxSockets: sockets })
}

/** Bytes as they are. */
export interface Wire {
  readonly socket: Socket
  /** Everything received, in latin1. */
  readonly received: string
  /** `end`: an orderly end. `reset`: broken off. */
  readonly closed: 'no' | 'end' | 'reset'
  send(text: string | Buffer): void
  /** Settles when what was received matches; fails when the connection ends without it. */
  match(pattern: RegExp): Promise<RegExpExecArray>
  /** Settles when the far side has ended or broken off. */
  ended(): Promise<'end' | 'reset'>
}

/** `halfOpen`: our half stays open when the far half ends. */
export function wire(port: number, halfOpen = false): Wire {
  return wireOver(connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: halfOpen }))
}

/** As `wire`, over a connection that is there already, or is being made. */
export function wireOver(socket: Socket): Wire {
  let received = ''
  let closed: Wire['closed'] = 'no'
  const waiting = new Set<() => void>()
  const tell = (): void => {
    for (const waiter of waiting) waiter()
  }
  const close = (how: 'end' | 'reset') => () => {
    if (closed === 'no') closed = how
    tell()
  }
  socket.on('data', chunk => {
    received += chunk.toString('latin1')
    tell()
  })
  socket.on('end', close('end'))
  socket.on('error', close('reset'))
  socket.on('close', close('reset'))
  function when<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(() => reject(new Error(`not within 5 s; received: ${received}`))), 5_000)
      const settle = (how: () => void): void => {
        clearTimeout(timer)
        waiting.delete(waiter)
        how()
      }
      const waiter = (): void => {
        const found = look()
        if (found !== undefined) settle(() => resolve(found))
        else if (closed !== 'no') settle(() => reject(new Error(`closed (${closed}); received: ${received}`)))
      }
      waiting.add(waiter)
      waiter()
    })
  }
  return {
    socket,
    get received() {
      return received
    },
    get closed() {
      return closed
    },
    send: text => void socket.write(text),
    match: pattern => when(() => pattern.exec(received) ?? undefined),
    ended: () => when(() => (closed === 'no' ? undefined : closed)),
  }
}
