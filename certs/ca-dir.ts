import { closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../common/folders/mod.ts'
import { err, ok, type Result, type TrustDomain } from '../common/mod.ts'
import { publicKeyOf } from './key-pair.ts'
import { fromPem, toPem } from './pem.ts'
import { checkRoot, trustDomainOfRoot } from './root.ts'
import { type CaKeyPair, makeCa } from './sign.ts'

/** A root, its key, and the trust domain that its URI SAN names. */
export interface TrustedCa extends CaKeyPair {
  readonly trustDomain: TrustDomain
  /** Unix time in milliseconds: when the root ends, and with it all that it signed. */
  readonly notAfterMs: number
}

/** The files of a CA directory. */
const CA_CERTIFICATE_FILE = 'ca.crt'
const CA_KEY_FILE = 'ca.key'
/** Ten years, as Istio's and Linkerd's own roots; root rotation renews it before. */
const CA_LIFE_MS = 10 * 365 * 86_400_000
/** A certificate and a key together have about 1 KiB. */
const FILE_BYTES_MAX = 64 * 1024
const GROUP_AND_OTHERS = 0o077

/** Makes a CA in `dir`: `ca.crt`, and `ca.key` with mode 0600. Never overwrites: a CA that is lost takes every identity with it. */
export function initCaDir(
  dir: string,
  wish: { readonly trustDomain: TrustDomain /** Unix time in milliseconds. */; readonly nowMs: number },
): Result<TrustedCa, string> {
  for (const name of [CA_CERTIFICATE_FILE, CA_KEY_FILE]) {
    if (existsSync(join(dir, name)))
      return err(`Cannot make a CA in ${dir}: ${name} is there already; use it, or another directory`)
  }
  const ca = makeCa({ ...wish, lifeMs: CA_LIFE_MS })
  try {
    makeFolder(dir)
    // The key first: a certificate is never there without its key.
    writeNewFile(join(dir, CA_KEY_FILE), ca.privateKeyPem, 0o600)
    writeNewFile(join(dir, CA_CERTIFICATE_FILE), toPem('CERTIFICATE', ca.certificateDer), 0o644)
  } catch (error) {
    return err(`Cannot make a CA in ${dir}: ${reasonOf(error)}`)
  }
  return loadCaDir(dir)
}

/** Whether `dir` holds a CA or a part of one. */
export function hasCaDir(dir: string): boolean {
  return existsSync(join(dir, CA_CERTIFICATE_FILE)) || existsSync(join(dir, CA_KEY_FILE))
}

/** Reads the CA in `dir`; refuses a missing half, a key that others may read, and a key that is not the certificate's. */
export function loadCaDir(dir: string): Result<TrustedCa, string> {
  const certificate = readSmallFile(join(dir, CA_CERTIFICATE_FILE))
  if (!certificate.ok) return err(`Cannot load the CA in ${dir}: ${certificate.error}; "selvedge cert init" makes one`)
  const key = readSmallFile(join(dir, CA_KEY_FILE))
  if (!key.ok) return err(`Cannot load the CA in ${dir}: ${key.error}; put the key back from its backup`)
  if ((key.value.mode & GROUP_AND_OTHERS) !== 0) {
    return err(`Cannot load the CA in ${dir}: ${CA_KEY_FILE} can be read by others; run chmod 600 on it`)
  }
  const checked = checkCa(certificate.value.text, key.value.text)
  return checked.ok ? checked : err(`Cannot load the CA in ${dir}: ${checked.error}`)
}

/**
 * Copies the CA in `from` to `to`, where its key is the owner's alone. Of `from`, others than its owner may read the key: Kubernetes shows a
 * Secret to a group.
 */
export function copyCaDir(from: string, to: string): Result<undefined, string> {
  const certificate = readSmallFile(join(from, CA_CERTIFICATE_FILE))
  if (!certificate.ok) return err(`Cannot take the CA in ${from}: ${certificate.error}; "selvedge cert init" makes one`)
  const key = readSmallFile(join(from, CA_KEY_FILE))
  if (!key.ok) return err(`Cannot take the CA in ${from}: ${key.error}; "selvedge cert init" makes both files`)
  const checked = checkCa(certificate.value.text, key.value.text)
  if (!checked.ok) return err(`Cannot take the CA in ${from}: ${checked.error}`)
  try {
    makeFolder(to)
    writeNewFile(join(to, CA_KEY_FILE), key.value.text, 0o600)
    writeNewFile(join(to, CA_CERTIFICATE_FILE), certificate.value.text, 0o644)
  } catch (error) {
    return err(`Cannot put the CA in ${to}: ${reasonOf(error)}`)
  }
  return ok(undefined)
}

function checkCa(certificatePem: string, privateKeyPem: string): Result<TrustedCa, string> {
  const [certificateDer, ...more] = fromPem(certificatePem)
  if (certificateDer === undefined || more.length > 0)
    return err(`${CA_CERTIFICATE_FILE} does not hold exactly one certificate`)
  const facts = checkRoot(certificateDer)
  if (!facts.ok) return err(`${CA_CERTIFICATE_FILE}: ${facts.error}`)
  const trustDomain = trustDomainOfRoot(facts.value.uriSans)
  if (!trustDomain.ok) return trustDomain
  let publicKey: Buffer
  try {
    publicKey = publicKeyOf(privateKeyPem)
  } catch {
    return err(`${CA_KEY_FILE} is not a private key in PEM without a passphrase`)
  }
  if (!publicKey.equals(facts.value.publicKeySpkiDer))
    return err(`${CA_KEY_FILE} is not the key of ${CA_CERTIFICATE_FILE}`)
  return ok({ certificateDer, privateKeyPem, trustDomain: trustDomain.value, notAfterMs: facts.value.notAfterMs })
}

function readSmallFile(path: string): Result<{ readonly text: string; readonly mode: number }, string> {
  try {
    const { size, mode } = statSync(path)
    if (size > FILE_BYTES_MAX) return err(`${path} has more than ${FILE_BYTES_MAX} bytes`)
    return ok({ text: readFileSync(path, 'utf8'), mode })
  } catch (error) {
    return err(reasonOf(error))
  }
}

function writeNewFile(path: string, text: string, mode: number): void {
  const file = openSync(path, 'wx', mode)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
