// The published types cover the package's whole front, which loads 40 ms of ciphers; this is its ASN.1 layer alone.
declare module 'node-forge/lib/asn1.js' {
  interface Asn1 {
    readonly tagClass: number
    readonly type: number
    readonly constructed: boolean
    /** Bytes as a binary string (one character a byte), or the children. */
    readonly value: string | Asn1[]
  }
  interface FromDerOptions {
    readonly strict: boolean
    readonly parseAllBytes: boolean
    readonly decodeBitStrings: boolean
    readonly maxDepth: number
  }
  interface ByteString {
    getBytes(): string
  }
  const asn1: {
    create(tagClass: number, type: number, constructed: boolean, value: string | Asn1[]): Asn1
    fromDer(bytes: string, options: FromDerOptions): Asn1
    toDer(node: Asn1): ByteString
    oidToDer(oid: string): ByteString
    derToOid(bytes: string): string
  }
  export default asn1
  export type { Asn1 }
}
