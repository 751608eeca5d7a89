/**
 * Why there is no certificate. Away: the control plane does not answer, and another try is worth it. Refused: it has
 * answered, or is not the one that was meant, and trying again changes nothing.
 */
export interface EnrolmentFault {
  readonly kind: 'away' | 'refused'
  readonly message: string
}
