import { type ServiceKey, serviceOfHost } from '../../common/mod.ts'
import { ownText } from '../http/mod.ts'

/** What an authority could mean. A name of a Service's form may still turn out not to be one. */
export interface Aim {
  readonly service: ServiceKey | undefined
  /** Without port and brackets, in lower case. */
  readonly host: string
  /** `undefined` when the authority names none. */
  readonly port: number | undefined
}

/** Authorities that are remembered. Applications use few; one that makes them up gets them parsed each time. */
const REMEMBERED_MAX = 4_096
/** No name is longer than 253 bytes; what a request line has room for would be 64 MB of them. */
const REMEMBERED_BYTES_MAX = 300

/** Reads authorities, and remembers what it read: the same few come with every request. */
export class Authorities {
  private readonly namespace: string
  private readonly known = new Map<string, Aim>()

  /** Short names are seen from `namespace`. */
  constructor(namespace: string) {
    this.namespace = namespace
  }

  read(authority: string): Aim {
    const known = this.known.get(authority)
    if (known !== undefined) return known
    const kept = ownText(authority)
    const aim = parse(kept, this.namespace)
    if (kept.length > REMEMBERED_BYTES_MAX) return aim
    if (this.known.size >= REMEMBERED_MAX) this.known.clear()
    this.known.set(kept, aim)
    return aim
  }
}

function parse(authority: string, namespace: string): Aim {
  const match = /^(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?$/.exec(authority)
  const rawHost = match?.[1] ?? authority
  const host = (rawHost.startsWith('[') ? rawHost.slice(1, -1) : rawHost).toLowerCase().replace(/\.$/, '')
  const port = match?.[2] === undefined ? undefined : Number(match[2])
  return { service: serviceOfHost(rawHost, namespace), host, port }
}
