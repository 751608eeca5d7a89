import type { Asn1 } from 'node-forge/lib/asn1.js'
import { boolean, contextPrimitive, encodeDer, namedBits, octetString, oid, sequence } from './der/write.ts'
import { keyIdOf } from './key-pair.ts'
import { KEY_USAGES } from './key-usage.ts'
import { OID } from './oids.ts'
import type { CertificateTemplate } from './template.ts'

/** RFC 5280, 4.2.1.6: the tags of GeneralName. */
export const GENERAL_NAME = { email: 1, dns: 2, uri: 6 } as const
/** RFC 5280, 4.2.1.1: keyIdentifier within AuthorityKeyIdentifier. */
export const AUTHORITY_KEY_ID_TAG = 0

/** RFC 5280, 4.1: `critical` is left out where it has its default, as DER asks. */
export function extension(id: string, critical: boolean, value: Asn1): Asn1 {
  const payload = octetString(encodeDer(value))
  return critical ? sequence(oid(id), boolean(true), payload) : sequence(oid(id), payload)
}

/** All extensions of a certificate that don't depend on its signer. */
export function templateExtensions(template: CertificateTemplate): Asn1[] {
  const extensions = [
    extension(OID.basicConstraints, true, template.isCa ? sequence(boolean(true)) : sequence()),
    extension(
      OID.subjectAltName,
      template.sanCritical,
      subjectAltName(template.uriSans, template.dnsSans, template.emailSans),
    ),
  ]
  if (template.keyUsage.length > 0) {
    const bits = template.keyUsage.map(usage => KEY_USAGES.indexOf(usage))
    extensions.push(extension(OID.keyUsage, template.keyUsageCritical, namedBits(bits)))
  }
  if (template.extendedKeyUsage.length > 0) {
    const usages = template.extendedKeyUsage.map(usage => oid(OID[usage]))
    extensions.push(extension(OID.extendedKeyUsage, false, sequence(...usages)))
  }
  const keyId = keyIdOf(template.publicKeySpkiDer)
  if (keyId !== undefined) extensions.push(extension(OID.subjectKeyIdentifier, false, octetString(keyId)))
  return extensions
}

/** Names the signer's key, so that a verifier finds the right one of several roots with one name. */
export function authorityKeyId(keyId: Buffer | undefined): Asn1[] {
  if (keyId === undefined) return []
  return [extension(OID.authorityKeyIdentifier, false, sequence(contextPrimitive(AUTHORITY_KEY_ID_TAG, keyId)))]
}

export function subjectAltName(
  uris: readonly string[],
  dnsNames: readonly string[],
  emails: readonly string[] = [],
): Asn1 {
  return sequence(
    ...uris.map(uri => contextPrimitive(GENERAL_NAME.uri, Buffer.from(uri, 'utf8'))),
    ...dnsNames.map(name => contextPrimitive(GENERAL_NAME.dns, Buffer.from(name, 'utf8'))),
    ...emails.map(name => contextPrimitive(GENERAL_NAME.email, Buffer.from(name, 'utf8'))),
  )
}
