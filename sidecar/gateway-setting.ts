import { isIP } from 'node:net'
import { err, ok, type Port, type Result, type ServiceKey, serviceOfHost } from '../common/mod.ts'
import type { GivenSettings } from '../common/settings/mod.ts'

/** A listener whose connections all go to one service, whatever authority their requests carry. */
export interface GatewaySetting {
  readonly host: string
  /** 0 asks for a free one. */
  readonly port: number
  /** Whether callers speak TLS. */
  readonly tls: boolean
  readonly service: ServiceKey
  readonly servicePort: Port
}

/** What gateways with TLS show to their callers, in PEM. */
export interface GatewayCredentials {
  readonly certificate: string
  readonly key: string
}

/** More listeners than that are a gateway's job, not a sidecar's. */
const GATEWAYS_MAX = 16

const FORM = '[https://][HOST:]PORT=SERVICE:PORT, as in 8080=storefront:80 or https://0.0.0.0:8443=storefront.shop:80'
const PORT_MAX = 65_535

/** All that are asked for. What is wrong with them is added to the problems. */
export function readGateways(given: GivenSettings, namespace: string): readonly GatewaySetting[] {
  const { problems } = given
  const gateways: GatewaySetting[] = []
  for (const text of given.all('gateway')) {
    const gateway = parseGateway(text, namespace, given.text('host'))
    if (gateway.ok) gateways.push(gateway.value)
    else problems.push(`Cannot use --gateway: ${gateway.error}.`)
  }
  if (gateways.length > GATEWAYS_MAX) problems.push(`Cannot use --gateway: at most ${GATEWAYS_MAX} of them.`)
  return gateways
}

/** What is given to be shown; `undefined`: the identity in the mesh. */
export function readGatewayCredentials(
  given: GivenSettings,
  readFile: (path: string) => Result<string, string>,
): GatewayCredentials | undefined {
  const { problems } = given
  const read = (flag: 'gateway-cert' | 'gateway-key'): string => {
    const text = readFile(given.text(flag))
    if (!text.ok) problems.push(`Cannot read --${flag}: ${text.error}.`)
    return text.ok ? text.value : ''
  }
  const [certificate, key] = [given.text('gateway-cert'), given.text('gateway-key')]
  if (certificate === '' && key === '') return undefined
  if (certificate === '' || key === '') {
    problems.push('Cannot use --gateway-cert or --gateway-key alone: a certificate goes with its key.')
    return undefined
  }
  return { certificate: read('gateway-cert'), key: read('gateway-key') }
}

/**
 * Reads `8080=storefront:80`, `127.0.0.1:5432=db.shop:5432` or `https://0.0.0.0:8443=storefront.shop:80`. Services without a namespace are those of
 * `namespace`; `host` is where one listens that names no address.
 */
export function parseGateway(text: string, namespace: string, host: string): Result<GatewaySetting, string> {
  const match = /^(https?:\/\/)?(?:(\[[0-9a-fA-F:.]+\]|[0-9.]+):)?([0-9]{1,5})=([^:=/]+):([0-9]{1,5})$/.exec(text)
  if (match === null) return err(`"${text}" is not ${FORM}`)
  const [, scheme, address, port = '', name = '', servicePort = ''] = match
  const listenHost = address === undefined ? host : address.replace(/^\[|\]$/g, '')
  if (isIP(listenHost) === 0) return err(`"${listenHost}" is not an IP address`)
  if (Number(port) > PORT_MAX) return err(`${port} is not a port`)
  if (Number(servicePort) < 1 || Number(servicePort) > PORT_MAX) return err(`${servicePort} is not a port`)
  const service = serviceOfHost(name, namespace)
  if (service === undefined) return err(`"${name}" is not the name of a Service: write NAME or NAME.NAMESPACE`)
  return ok({
    host: listenHost,
    port: Number(port),
    tls: scheme === 'https://',
    service,
    servicePort: Number(servicePort) as Port,
  })
}
