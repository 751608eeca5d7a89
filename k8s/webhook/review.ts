import { err, ok, type Result } from '../../common/mod.ts'
import type { Admission, ReviewAnswer } from '../../control-plane/admission/mod.ts'
import { type InjectSettings, injectPod, isObject, type JsonObject, jsonPatch } from '../injector/mod.ts'

const API_VERSION = 'admission.k8s.io/v1'
/** A UUID, and to spare. */
const UID_CHARACTERS_MAX = 128
/** The API server cuts what is longer (KEP-1693). */
const WARNING_CHARACTERS_MAX = 256

/** Answers the API server's reviews (admission.k8s.io/v1) of new pods with what `selvedge inject` would have made of them. */
export function podAdmission(settings: InjectSettings): Admission {
  return { review: body => review(body, settings) }
}

interface ReviewRequest {
  readonly uid: string
  readonly subject: string
  /** `undefined`: not the making of a pod. */
  readonly pod: JsonObject | undefined
}

function review(body: unknown, settings: InjectSettings): Result<ReviewAnswer, string> {
  const request = requestOf(body)
  if (!request.ok) return err(`Cannot answer the review: ${request.error}. Send an AdmissionReview of ${API_VERSION}.`)
  const { uid, subject, pod } = request.value
  if (pod === undefined) return ok({ body: answered(uid, { allowed: true }), result: 'ignored', subject })
  const { pod: changed, outcome } = injectPod(pod, settings)
  if (outcome.kind === 'refused') {
    const message = `Cannot inject the sidecar: ${outcome.why}. Or keep it out with the annotation selvedge.dev/inject: "false".`
    const status = { code: 422, reason: 'Invalid', message }
    return ok({ body: answered(uid, { allowed: false, status }), result: 'refused', subject, why: outcome.why })
  }
  if (outcome.kind === 'skipped') {
    // Who asked for it needs no telling.
    const warnings = outcome.asked ? [] : [`the pod has no selvedge sidecar: ${outcome.why}`]
    const body = answered(uid, { allowed: true, ...warningsOf(warnings) })
    return ok({ body, result: 'skipped', subject, why: outcome.why })
  }
  const patch = jsonPatch(pod, changed)
  const patched =
    patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }
  const warnings = outcome.kind === 'injected' ? outcome.warnings : []
  return ok({
    body: answered(uid, { allowed: true, ...patched, ...warningsOf(warnings) }),
    result: outcome.kind,
    subject,
  })
}

function requestOf(body: unknown): Result<ReviewRequest, string> {
  if (!isObject(body)) return err('it is not an object')
  if (body.kind !== 'AdmissionReview' || body.apiVersion !== API_VERSION) return err('it is of another kind or version')
  const { request } = body
  if (!isObject(request)) return err('it has no request')
  const { uid, operation, kind, object, subResource } = request
  if (typeof uid !== 'string' || uid === '' || uid.length > UID_CHARACTERS_MAX) return err('its request has no uid')
  if (typeof operation !== 'string') return err('its request has no operation')
  if (!isObject(kind) || typeof kind.kind !== 'string') return err('its request has no kind')
  const subject = subjectOf(request)
  const isPod = kind.kind === 'Pod' && (kind.group ?? '') === '' && (subResource ?? '') === ''
  if (!isPod || operation !== 'CREATE') return ok({ uid, subject, pod: undefined })
  return isObject(object) ? ok({ uid, subject, pod: object }) : err('its request has no object')
}

function subjectOf(request: JsonObject): string {
  const metadata = isObject(request.object) && isObject(request.object.metadata) ? request.object.metadata : {}
  const name = [request.name, metadata.name, metadata.generateName].find(
    text => typeof text === 'string' && text !== '',
  )
  return `${typeof request.namespace === 'string' ? request.namespace : ''}/${typeof name === 'string' ? name : ''}`
}

function answered(uid: string, response: object): unknown {
  return { apiVersion: API_VERSION, kind: 'AdmissionReview', response: { uid, ...response } }
}

function warningsOf(warnings: readonly string[]): object {
  return warnings.length === 0 ? {} : { warnings: warnings.map(text => text.slice(0, WARNING_CHARACTERS_MAX)) }
}
