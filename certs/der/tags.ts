/** Tag classes and universal types of X.690, those that certificates use. */
export const CLASS = { universal: 0x00, context: 0x80 } as const

export const TYPE = {
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  oid: 6,
  utf8String: 12,
  sequence: 16,
  set: 17,
  utcTime: 23,
  generalizedTime: 24,
} as const
