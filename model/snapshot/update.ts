import type { ServiceKey } from '../../common/mod.ts'
import type { EndpointsSnapshot } from './endpoints.ts'
import type { SelfSnapshot } from './self.ts'
import type { ServiceSnapshot } from './service.ts'

/** What changed together. It is applied whole or refused whole; what it does not name stays as it was. */
export interface SnapshotUpdate {
  /** The store's revision that it was compiled from, for people and for ACKs. */
  readonly revision: string
  readonly self: SelfSnapshot | undefined
  readonly services: readonly ServiceSnapshot[]
  readonly endpoints: readonly EndpointsSnapshot[]
  /** Asked for, or known before, and not there: the negative answer. */
  readonly absent: readonly ServiceKey[]
}

/** Why an update was refused. */
export interface SnapshotProblem {
  /** `self`, `service/<namespace>/<name>` or `endpoints/<namespace>/<name>`. */
  readonly resource: string
  /** The path of the field in it, such as `entries[0].path.value`. */
  readonly field: string
  readonly message: string
}
