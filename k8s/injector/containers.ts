import type { Wishes } from './annotations.ts'
import type { Json, JsonObject } from './json.ts'
import {
  IDENTITY_DIR,
  IDENTITY_VOLUME,
  INBOUND_PORT,
  INIT_NAME,
  SIDECAR_NAME,
  STATE_DIR,
  STATE_VOLUME,
} from './names.ts'
import { HEALTH_PORT, type ProbeTable } from './probes.ts'
import type { InjectSettings } from './settings.ts'

export interface SidecarFacts {
  readonly wishes: Wishes
  readonly settings: InjectSettings
  /** `[NAME=]PORT/PROTOCOL`, as the sidecar takes them. */
  readonly ports: readonly string[]
  readonly labels: readonly (readonly [name: string, value: string])[]
  readonly probes: ProbeTable
  readonly drainTimeout: string
}

/** The sidecar's variable that holds what the kubelet asks through it. */
export const PROBES_VARIABLE = 'SELVEDGE_APPLICATION_PROBES'

/** The sidecar: an init container that keeps running (a native sidecar), so that it is there before the others, and after them. */
export function sidecarContainer(facts: SidecarFacts): JsonObject {
  const { wishes, settings } = facts
  return {
    name: SIDECAR_NAME,
    ...imageOf(wishes, settings),
    restartPolicy: 'Always',
    args: [...sidecarArguments(facts)],
    env: [
      fromPod('POD_NAME', 'metadata.name'),
      fromPod('POD_NAMESPACE', 'metadata.namespace'),
      fromPod('POD_IP', 'status.podIP'),
      fromPod('POD_SERVICE_ACCOUNT', 'spec.serviceAccountName'),
      ...(Object.keys(facts.probes).length === 0
        ? []
        : [{ name: PROBES_VARIABLE, value: JSON.stringify(facts.probes) }]),
    ],
    ports: [
      // No more than 15 characters: Kubernetes' limit.
      { name: 'selvedge-in', containerPort: INBOUND_PORT, protocol: 'TCP' },
      { name: 'selvedge-health', containerPort: HEALTH_PORT, protocol: 'TCP' },
    ],
    startupProbe: health('/readyz', { periodSeconds: 1, failureThreshold: 120, timeoutSeconds: 3 }),
    readinessProbe: health('/readyz', { periodSeconds: 5, failureThreshold: 2, timeoutSeconds: 3 }),
    // Only a process that hangs is helped by a new one: it has a minute to come back by itself.
    livenessProbe: health('/livez', { periodSeconds: 10, failureThreshold: 6, timeoutSeconds: 5 }),
    // Begins as the application is told to end, and not only after it has: callers hear at once that this pod is leaving.
    lifecycle: {
      preStop: {
        exec: { command: ['selvedge', 'drain', `--state-dir=${STATE_DIR}/sidecar`, `--for=${facts.drainTimeout}`] },
      },
    },
    resources: {
      requests: { cpu: wishes.cpuRequest, memory: wishes.memoryRequest },
      limits: { ...(wishes.cpuLimit === undefined ? {} : { cpu: wishes.cpuLimit }), memory: wishes.memoryLimit },
    },
    securityContext: {
      runAsUser: wishes.uid,
      runAsGroup: wishes.uid,
      runAsNonRoot: true,
      ...LEAST,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: IDENTITY_VOLUME, mountPath: IDENTITY_DIR, readOnly: true },
      { name: STATE_VOLUME, mountPath: STATE_DIR },
      NO_TOKEN,
    ],
  }
}

/** Writes the rules that redirect, and ends. It is root with two capabilities: the kernel takes rules from nobody else. */
export function initContainer(wishes: Wishes, settings: InjectSettings): JsonObject {
  return {
    name: INIT_NAME,
    ...imageOf(wishes, settings),
    args: [...rulesArguments(wishes)],
    resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } },
    securityContext: {
      runAsUser: 0,
      runAsGroup: 0,
      runAsNonRoot: false,
      ...LEAST,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
    },
    volumeMounts: [NO_TOKEN],
  }
}

/** Where Kubernetes would mount the application's token for its API in any container: something is there already, and it is empty. */
const NO_TOKEN = {
  name: STATE_VOLUME,
  mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
  subPath: 'no-token',
  readOnly: true,
} as const

const LEAST = {
  privileged: false,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  seccompProfile: { type: 'RuntimeDefault' },
} as const

function sidecarArguments(facts: SidecarFacts): readonly string[] {
  const { wishes, settings, ports, labels } = facts
  const given = (name: string, value: string | undefined): readonly string[] =>
    value === undefined || value === '' ? [] : [`--${name}=${value}`]
  return [
    'sidecar',
    '--workload=$(POD_NAMESPACE)/$(POD_NAME)',
    '--service-account=$(POD_SERVICE_ACCOUNT)',
    `--control-plane=${wishes.controlPlane ?? settings.controlPlane}`,
    // Another control plane has another enrolment port.
    ...given('enrolment', wishes.controlPlane === undefined ? settings.enrolment : undefined),
    `--join-token-file=${IDENTITY_DIR}/join-token`,
    `--state-dir=${STATE_DIR}/sidecar`,
    ...(wishes.intercept === 'redirect' ? ['--intercept=redirect'] : []),
    '--inbound-host=$(POD_IP)',
    '--metrics-host=$(POD_IP)',
    '--application-host=$(POD_IP)',
    ...ports.map(port => `--port=${port}`),
    ...labels.map(([name, value]) => `--label=${name}=${value}`),
    ...given('zone', wishes.zone),
    `--drain-timeout=${facts.drainTimeout}`,
    ...given('log-level', wishes.logLevel),
    ...(wishes.accessLog ? ['--access-log'] : []),
  ]
}

function rulesArguments(wishes: Wishes): readonly string[] {
  const list = (name: string, items: readonly string[]): readonly string[] =>
    items.length === 0 ? [] : [`--${name}=${items.join(',')}`]
  return [
    'intercept',
    'install',
    `--sidecar-uid=${wishes.uid}`,
    ...list('include-inbound-ports', wishes.includeInboundPorts),
    // The kubelet and Prometheus have no certificate.
    ...list('exclude-inbound-ports', [String(HEALTH_PORT), ...wishes.excludeInboundPorts]),
    ...list('include-outbound-ports', wishes.includeOutboundPorts),
    ...list('exclude-outbound-ports', wishes.excludeOutboundPorts),
    ...list('include-outbound-cidrs', wishes.includeOutboundCidrs),
    ...list('exclude-outbound-cidrs', wishes.excludeOutboundCidrs),
  ]
}

function imageOf(wishes: Wishes, { image, imagePullPolicy }: InjectSettings): JsonObject {
  return { image: wishes.image ?? image, ...(imagePullPolicy === '' ? {} : { imagePullPolicy }) }
}

function fromPod(name: string, fieldPath: string): JsonObject {
  return { name, valueFrom: { fieldRef: { fieldPath } } }
}

function health(path: string, timing: Readonly<Record<string, Json>>): JsonObject {
  return { httpGet: { path, port: HEALTH_PORT }, ...timing }
}
