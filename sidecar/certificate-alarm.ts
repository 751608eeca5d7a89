import type { RenewalState } from './identity/mod.ts'

/** How a certificate stands. `overdue`: half of its life is over, and no other has come. */
export type CertificateState =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'overdue'; readonly why: string }
  | { readonly kind: 'ended'; readonly why: string }

export interface CertificateAlarmLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A renewal that is under way is not late yet. */
const GRACE_MS = 5_000

/** Judges a certificate by what is known of its renewal. All times are Unix times in milliseconds. */
export function certificateState(renewal: RenewalState, notAfterMs: number, wallMs: number): CertificateState {
  const why = renewal.kind === 'failing' ? renewal.why : 'its renewal has not begun'
  if (wallMs >= notAfterMs) return { kind: 'ended', why }
  const late = renewal.kind === 'failing' || wallMs > renewal.nextMs + GRACE_MS
  return late ? { kind: 'overdue', why } : { kind: 'fresh' }
}

/** Says each change of that state once: while a certificate is overdue there is time to act, afterwards there is none. */
export class CertificateAlarm {
  private last: CertificateState['kind'] = 'fresh'
  private readonly log: CertificateAlarmLog

  constructor(log: CertificateAlarmLog) {
    this.log = log
  }

  look(state: CertificateState, notAfterMs: number): void {
    if (state.kind === this.last) return
    this.last = state.kind
    const ends = new Date(notAfterMs).toISOString()
    switch (state.kind) {
      case 'fresh':
        this.log.info({ ends }, 'The certificate has been renewed')
        return
      case 'overdue':
        this.log.warn(
          { ends, why: state.why },
          'Cannot renew the certificate: more than half of its life is over. At its end this sidecar can neither call nor be called',
        )
        return
      case 'ended':
        this.log.error(
          { ended: ends, why: state.why },
          'Cannot use the certificate: it has ended. Nobody in the mesh is called or answered until there is another',
        )
    }
  }
}
