import { err, ok, parseTrustDomain, type Result } from '../../common/mod.ts'

/** What holds for all pods of a mesh; annotations of a pod win over what they name. */
export interface InjectSettings {
  /** Of the program that injects; it is noted on the pod. */
  readonly version: string
  /** The image of sidecar and rules, whose entry point is `selvedge`. */
  readonly image: string
  /** `IfNotPresent`, `Always` or `Never`; empty: what Kubernetes makes of the image's tag. */
  readonly imagePullPolicy: string
  /** `host:port` of the discovery port. */
  readonly controlPlane: string
  /** `host:port`; empty: the same host, port 15010. */
  readonly enrolment: string
  readonly trustDomain: string
}

/** Where `selvedge install` puts the control plane. */
export const SYSTEM_NAMESPACE = 'selvedge-system'
export const CONTROL_PLANE_SERVICE = 'selvedge-control-plane'

/** What holds where nothing else is said. The image is the one that Containerfile makes. */
export function defaultSettings(version: string): InjectSettings {
  return {
    version,
    image: `selvedge:${version}`,
    imagePullPolicy: '',
    controlPlane: `${CONTROL_PLANE_SERVICE}.${SYSTEM_NAMESPACE}.svc:15012`,
    enrolment: '',
    trustDomain: 'cluster.local',
  }
}

/** Settings as they are written: what is empty or absent is as usual. */
export type GivenSettings = { readonly [Name in Exclude<keyof InjectSettings, 'version'>]?: string | undefined }

/** Reads what was written; each problem begins with the name of its flag. */
export function readInjectSettings(given: GivenSettings, version: string): Result<InjectSettings, readonly string[]> {
  const usual = defaultSettings(version)
  const problems: string[] = []
  const read = (
    flag: string,
    text: string | undefined,
    fallback: string,
    parse: (text: string) => Result<string, string>,
  ) => {
    if (text === undefined || text === '') return fallback
    const parsed = parse(text)
    if (parsed.ok) return parsed.value
    problems.push(`${flag}: ${parsed.error}`)
    return fallback
  }
  const settings = {
    version,
    image: read('image', given.image, usual.image, parseImage),
    imagePullPolicy: read('image-pull-policy', given.imagePullPolicy, usual.imagePullPolicy, parsePullPolicy),
    controlPlane: read('control-plane', given.controlPlane, usual.controlPlane, parseHostPort),
    enrolment: read('enrolment', given.enrolment, usual.enrolment, parseHostPort),
    trustDomain: read('trust-domain', given.trustDomain, usual.trustDomain, parseTrustDomain),
  }
  return problems.length > 0 ? err(problems) : ok(settings)
}

const PULL_POLICIES = ['', 'IfNotPresent', 'Always', 'Never']
/** A name with a registry, a path, a tag and a digest. */
const IMAGE_CHARACTERS_MAX = 512

/** An image reference, roughly: what is surely none must not reach a pod, where nobody is told. */
export function parseImage(text: string): Result<string, string> {
  return text.length <= IMAGE_CHARACTERS_MAX && /^[A-Za-z0-9][\w.\-/:@]*$/.test(text)
    ? ok(text)
    : err(`"${text}" is not an image`)
}

/** `host:port`, the host being a name or an address in brackets. */
export function parseHostPort(text: string): Result<string, string> {
  const match = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?):([0-9]{1,5})$/.exec(text)
  const port = Number(match?.[2] ?? 0)
  return port >= 1 && port <= 65_535 ? ok(text) : err(`"${text}" is not HOST:PORT`)
}

function parsePullPolicy(text: string): Result<string, string> {
  return PULL_POLICIES.includes(text) ? ok(text) : err(`"${text}" is not IfNotPresent, Always or Never`)
}
