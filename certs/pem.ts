import { createHash } from 'node:crypto'
import { parseCertificate } from './parse-certificate.ts'

/** RFC 7468: lines of 64 characters. */
const LINE = /.{1,64}/g
const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,64})-----\r?\n([A-Za-z0-9+/=\r\n]*)-----END \1-----/g
/** A file with more certificates than this is not one that we are meant to read. */
const BLOCKS_MAX = 64

export function toPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(LINE) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** The contents of all blocks with `label`, in their order; text between blocks is skipped. At most 64. */
export function fromPem(text: string, label = 'CERTIFICATE'): Buffer[] {
  const blocks: Buffer[] = []
  for (const [, name, base64 = ''] of text.matchAll(BLOCK)) {
    if (name === label && blocks.length < BLOCKS_MAX) blocks.push(Buffer.from(base64, 'base64'))
  }
  return blocks
}

/**
 * SHA-256 of a certificate's public key info, hex: the pin in a join token, as RFC 7469 pins. It stays when a root is issued anew
 * with its key. What is no certificate has the pin of nothing, the empty text.
 */
export function spkiSha256(certificateDer: Buffer): string {
  const facts = parseCertificate(certificateDer)
  return facts.ok ? createHash('sha256').update(facts.value.publicKeySpkiDer).digest('hex') : ''
}
