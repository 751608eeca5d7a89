import { CODE, type ConnectionFault, FRAME_BYTES_MAX, SETTING, WINDOW_DEFAULT, WINDOW_MAX } from '../codec/h2/mod.ts'

/** What the peer's SETTINGS say of what we may send (RFC 9113, 6.5.2). Frames larger than the default are not sent, whatever it allows. */
export class PeerSettings {
  initialWindow = WINDOW_DEFAULT
  /** Until the peer says, as many as any peer may be expected to allow. */
  streamsMax = 100
  /** RFC 8441, 3. */
  connectProtocol = false
  /** Whether they have come. */
  known = false
}

/** Takes one setting in. Unknown ones mean nothing. */
export function takeSetting(peer: PeerSettings, id: number, value: number): ConnectionFault | undefined {
  switch (id) {
    case SETTING.enablePush:
      return value > 1 ? fault(CODE.protocol, 'a malformed ENABLE_PUSH') : undefined
    case SETTING.maxConcurrentStreams:
      peer.streamsMax = value
      return undefined
    case SETTING.initialWindowSize:
      if (value > WINDOW_MAX) return fault(CODE.flowControl, 'an initial window that is too large')
      peer.initialWindow = value
      return undefined
    case SETTING.maxFrameSize:
      return value < FRAME_BYTES_MAX || value > 0xff_ffff
        ? fault(CODE.protocol, 'a malformed MAX_FRAME_SIZE')
        : undefined
    case SETTING.enableConnectProtocol:
      if (value > 1) return fault(CODE.protocol, 'a malformed ENABLE_CONNECT_PROTOCOL')
      peer.connectProtocol = value === 1
      return undefined
    default:
      return undefined
  }
}

function fault(code: number, detail: string): ConnectionFault {
  return { code, detail }
}
