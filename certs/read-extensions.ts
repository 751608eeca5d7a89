import {
  booleanOf,
  bytesOf,
  type Der,
  isContext,
  isUniversal,
  MalformedDer,
  namedBitsOf,
  oidOf,
  primitiveOf,
  readInner,
  sequenceOf,
} from './der/read.ts'
import { TYPE } from './der/tags.ts'
import { AUTHORITY_KEY_ID_TAG, GENERAL_NAME } from './extensions.ts'
import { KEY_USAGES, type KeyUsage } from './key-usage.ts'
import { OID } from './oids.ts'

/** What the extensions of a certificate or of a signing request say. */
export interface ExtensionFacts {
  readonly uriSans: readonly string[]
  readonly dnsSans: readonly string[]
  /** Also counted in `otherSanTags`. */
  readonly emailSans: readonly string[]
  /** The GeneralName tags (RFC 5280, 4.2.1.6) of names that are neither URI nor DNS, such as 1 for e-mail or 7 for an address. */
  readonly otherSanTags: readonly number[]
  readonly sanCritical: boolean
  readonly isCa: boolean
  /** Empty also when the extension is absent; it may not be present and empty (RFC 5280, 4.2.1.3). */
  readonly keyUsage: readonly KeyUsage[]
  readonly keyUsageCritical: boolean
  /** `serverAuth`, `clientAuth`, or an object identifier. `undefined`: absent, and any use is allowed. */
  readonly extendedKeyUsage: readonly string[] | undefined
  readonly subjectKeyId: Buffer | undefined
  readonly authorityKeyId: Buffer | undefined
}

interface RawExtension {
  readonly critical: boolean
  readonly value: Buffer
}

/** A leaf of ours has 6; twice as many as any public CA writes. */
const EXTENSIONS_MAX = 32
/** A leaf of ours has 3 names. */
const NAMES_MAX = 128
/** Printable ASCII: an IA5String with a NUL or a line end in it is read differently by different readers. */
const PRINTABLE = /^[\x21-\x7e]*$/

/** Reads the list of extensions. For use inside `readDer`; throws `MalformedDer`. */
export function readExtensions(list: readonly Der[]): ExtensionFacts {
  const raw = collect(list)
  const san = raw.get(OID.subjectAltName)
  const keyUsage = raw.get(OID.keyUsage)
  return {
    ...readNames(san),
    sanCritical: san?.critical ?? false,
    isCa: readIsCa(raw.get(OID.basicConstraints)),
    keyUsage: readKeyUsage(keyUsage),
    keyUsageCritical: keyUsage?.critical ?? false,
    extendedKeyUsage: readExtendedKeyUsage(raw.get(OID.extendedKeyUsage)),
    subjectKeyId: readSubjectKeyId(raw.get(OID.subjectKeyIdentifier)),
    authorityKeyId: readAuthorityKeyId(raw.get(OID.authorityKeyIdentifier)),
  }
}

function collect(list: readonly Der[]): ReadonlyMap<string, RawExtension> {
  if (list.length > EXTENSIONS_MAX) throw new MalformedDer(`it has more than ${EXTENSIONS_MAX} extensions`)
  const raw = new Map<string, RawExtension>()
  for (const node of list) {
    const parts = sequenceOf(node, 'an extension')
    const id = oidOf(parts[0], "an extension's name")
    const saysCritical = isUniversal(parts[1], TYPE.boolean)
    const critical = saysCritical && booleanOf(parts[1], 'critical')
    const value = primitiveOf(parts[saysCritical ? 2 : 1], TYPE.octetString, "an extension's value")
    if (parts.length !== (saysCritical ? 3 : 2)) throw new MalformedDer('an extension has too many parts')
    // RFC 5280, 4.2: "MUST NOT include more than one instance of a particular extension".
    if (raw.has(id)) throw new MalformedDer(`the extension ${id} appears twice`)
    raw.set(id, { critical, value })
  }
  return raw
}

type Names = Pick<ExtensionFacts, 'uriSans' | 'dnsSans' | 'emailSans' | 'otherSanTags'>

function readNames(san: RawExtension | undefined): Names {
  const uriSans: string[] = []
  const dnsSans: string[] = []
  const emailSans: string[] = []
  const otherSanTags: number[] = []
  if (san === undefined) return { uriSans, dnsSans, emailSans, otherSanTags }
  const names = sequenceOf(readInner(san.value, 'the SAN'), 'the SAN')
  if (names.length > NAMES_MAX) throw new MalformedDer(`the SAN has more than ${NAMES_MAX} names`)
  for (const name of names) {
    if (isContext(name, GENERAL_NAME.uri)) uriSans.push(textOf(name))
    else if (isContext(name, GENERAL_NAME.dns)) dnsSans.push(textOf(name))
    else otherSanTags.push(name.type)
    if (isContext(name, GENERAL_NAME.email)) emailSans.push(textOf(name))
  }
  return { uriSans, dnsSans, emailSans, otherSanTags }
}

function textOf(name: Der): string {
  const text = bytesOf(name, 'a name in the SAN').toString('latin1')
  if (!PRINTABLE.test(text)) throw new MalformedDer('a name in the SAN holds bytes that are not printable ASCII')
  return text
}

function readIsCa(constraints: RawExtension | undefined): boolean {
  if (constraints === undefined) return false
  const parts = sequenceOf(readInner(constraints.value, 'the basic constraints'), 'the basic constraints')
  return isUniversal(parts[0], TYPE.boolean) && booleanOf(parts[0], 'cA')
}

function readKeyUsage(usage: RawExtension | undefined): readonly KeyUsage[] {
  if (usage === undefined) return []
  const bits = namedBitsOf(readInner(usage.value, 'the key usage'), 'the key usage')
  return KEY_USAGES.filter((_, bit) => bits.includes(bit))
}

function readExtendedKeyUsage(usage: RawExtension | undefined): readonly string[] | undefined {
  if (usage === undefined) return undefined
  const oids = sequenceOf(readInner(usage.value, 'the extended key usage'), 'the extended key usage')
  return oids.map(node => {
    const id = oidOf(node, 'an extended key usage')
    if (id === OID.serverAuth) return 'serverAuth'
    return id === OID.clientAuth ? 'clientAuth' : id
  })
}

function readSubjectKeyId(keyId: RawExtension | undefined): Buffer | undefined {
  if (keyId === undefined) return undefined
  return primitiveOf(
    readInner(keyId.value, 'the subject key identifier'),
    TYPE.octetString,
    'the subject key identifier',
  )
}

function readAuthorityKeyId(keyId: RawExtension | undefined): Buffer | undefined {
  if (keyId === undefined) return undefined
  const parts = sequenceOf(readInner(keyId.value, 'the authority key identifier'), 'the authority key identifier')
  const own = parts.find(part => isContext(part, AUTHORITY_KEY_ID_TAG))
  return own === undefined ? undefined : bytesOf(own, 'the authority key identifier')
}
