import { RETRY_BODY_BYTES_MAX } from '../../common/mod.ts'
import { type BodyFraming, type BodySink, type Headers, KeptBytes, type RequestBody } from '../http/mod.ts'
import type { ClientCarriage } from '../session/mod.ts'

/**
 * A request's body on its way to one endpoint after the other: it goes out as it comes, and what has come is kept, up to a bound, so
 * that it can be sent again. Past the bound it can be sent once. The caller is paused while no connection takes it.
 */
export class OutgoingBody implements BodySink {
  /** Some of it has left us. */
  sent = false
  private readonly source: RequestBody
  private readonly brokenOff: () => void
  /** It will not be kept whole in any case. */
  private readonly tooLong: boolean
  private session: ClientCarriage | undefined = undefined
  private kept = new KeptBytes()
  private overflown = false
  private attached = false
  private ended = false
  private trailers: Headers | undefined = undefined

  /** `framing` says how long it is, where that is known. `brokenOff` hears that the caller did not end what it began. */
  constructor(source: RequestBody, framing: BodyFraming, brokenOff: () => void) {
    this.source = source
    this.tooLong = framing.kind === 'length' && framing.length > RETRY_BODY_BYTES_MAX
    this.brokenOff = brokenOff
  }

  /** Whether all that has come can be sent once more. */
  get replayable(): boolean {
    return !this.overflown
  }

  /** Sends what has come, and what comes, behind the head that has just been sent there. */
  sendTo(session: ClientCarriage): void {
    this.session = session
    for (const chunk of this.kept.chunks) {
      this.sent = true
      session.write(chunk)
    }
    if (this.kept.bytes > RETRY_BODY_BYTES_MAX) this.overflow()
    if (this.ended) session.finish(this.trailers)
    else if (this.attached) this.source.resume()
    else {
      this.attached = true
      this.source.attach(this)
    }
  }

  /** The connection is no longer ours. What is on its way from the caller is kept, even past the bound: it is paused already. */
  detach(): void {
    this.session = undefined
  }

  /** The connection takes more. */
  drained(): void {
    this.source.resume()
  }

  /** Nobody wants the rest. */
  discard(): void {
    if (this.attached && !this.ended) this.source.discard()
    this.session = undefined
    this.kept = new KeptBytes()
  }

  data(chunk: Buffer): boolean {
    const { session } = this
    if (this.tooLong && session !== undefined) this.overflown = true
    if (!this.overflown) this.kept.add(chunk)
    if (session === undefined) return false
    if (this.kept.bytes > RETRY_BODY_BYTES_MAX) this.overflow()
    this.sent = true
    return session.write(chunk)
  }

  end(trailers: Headers | undefined): void {
    // Nobody says anything in our name behind a body.
    trailers?.removePrefix('x-selvedge-')
    this.ended = true
    this.trailers = trailers
    this.session?.finish(trailers)
  }

  reset(): void {
    this.brokenOff()
  }

  private overflow(): void {
    this.overflown = true
    this.kept = new KeptBytes()
  }
}
