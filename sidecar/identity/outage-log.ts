import type { EnrolmentFault } from './fault.ts'

/** Says once that there is no certificate to be had, again when the kind of fault changes, and once that it is over. */
export function outageLog(log: { info(message: string): void; warn(message: string): void }): {
  begins(kind: EnrolmentFault['kind'], message: string): void
  ends(): void
} {
  let fault: EnrolmentFault['kind'] | 'none' = 'none'
  return {
    begins(kind, message) {
      if (fault !== kind) log.warn(message)
      fault = kind
    },
    ends() {
      if (fault !== 'none') log.info('the control plane answers again')
      fault = 'none'
    },
  }
}
