import type { Result, SpiffeId, WorkloadKey } from '../../common/mod.ts'
import type { WorkloadRegistration } from '../store/mod.ts'

/** Workloads that their sidecars registered: each is a lease tied to its stream. */
export interface LeaseRegistry {
  /**
   * A stream has told what its workload offers. A newer stream takes the lease over from an older one of the same identity.
   * Refused, in words: the name belongs to a Workload that a user wrote, or to another identity's lease.
   */
  attach(lease: {
    readonly workload: WorkloadKey
    readonly spiffeId: SpiffeId
    readonly registration: WorkloadRegistration
  }): Result<LeaseHandle, string>
}

/** One stream's hold on its lease. After a newer stream has taken the lease over, nothing that it does has an effect. */
export interface LeaseHandle {
  /** The application's port began, or ceased, to answer. Not ready: its endpoint is withdrawn at once, the workload stays known. */
  setReady(ready: boolean): void
  /** The stream has ended: the lease is withdrawn after the grace period, unless the sidecar comes back. Idempotent. */
  detach(): void
}
