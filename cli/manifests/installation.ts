import { ok, type Result } from '../../common/mod.ts'
import { CONTROL_PLANE_SERVICE, type InjectSettings, type Json, SYSTEM_NAMESPACE } from '../../k8s/injector/mod.ts'
import { parseYamlDocuments, type YamlDocument, yamlText } from './edit-yaml.ts'

/** What a cluster's installation is made of beside the manifests of `k8s/install/`. */
export interface Installation {
  readonly settings: InjectSettings
  /** PEM: what the API server shall believe. */
  readonly caCertificate: string
  /** PEM; `undefined`: the Secret is made elsewhere. */
  readonly caKey: string | undefined
}

/** The texts of `k8s/install/`, each with what this installation has of its own; comments stay. The error names a text that is no YAML. */
export function installationTexts(
  manifests: readonly string[],
  given: Installation,
): Result<readonly string[], string> {
  const texts: string[] = []
  for (const manifest of manifests) {
    const documents = parseYamlDocuments(manifest)
    if (!documents.ok) return documents
    texts.push(...documents.value.map(document => filled(document, given)))
  }
  const { caKey } = given
  return ok(caKey === undefined ? texts : [...texts, caSecret(given.caCertificate, caKey)])
}

function filled(document: YamlDocument, given: Installation): string {
  const kind = (document.value as { readonly kind?: unknown } | null)?.kind
  if (kind === 'Deployment') return document.changed(deploymentOf(document.value, given.settings)).text
  if (kind === 'MutatingWebhookConfiguration') {
    return document.changed(webhookOf(document.value, given.caCertificate)).text
  }
  return document.text()
}

/** As deep as we look into our own manifests. */
interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: { readonly containers: readonly [{ readonly image: string; readonly args: readonly string[] }] }
    }
  }
}

/** The control plane is of the image that it injects, unless it is told otherwise. */
function deploymentOf(value: Json, settings: InjectSettings): Json {
  const deployment = structuredClone(value) as unknown as Deployment
  const { image, imagePullPolicy, controlPlane, enrolment, trustDomain } = settings
  const [container] = deployment.spec.template.spec.containers
  const given = (name: string, text: string): readonly string[] => (text === '' ? [] : [`--${name}=${text}`])
  const changed = {
    ...container,
    image,
    ...(imagePullPolicy === '' ? {} : { imagePullPolicy }),
    args: [
      ...container.args,
      `--trust-domain=${trustDomain}`,
      `--inject-image=${image}`,
      ...given('inject-image-pull-policy', imagePullPolicy),
      `--inject-control-plane=${controlPlane}`,
      ...given('inject-enrolment', enrolment),
    ],
  }
  const { spec } = deployment
  const { template } = spec
  return {
    ...deployment,
    spec: { ...spec, template: { ...template, spec: { ...template.spec, containers: [changed] } } },
  } as unknown as Json
}

interface WebhookConfiguration {
  readonly webhooks: readonly { readonly clientConfig: object }[]
}

function webhookOf(value: Json, caCertificate: string): Json {
  const configuration = value as unknown as WebhookConfiguration
  const caBundle = Buffer.from(caCertificate).toString('base64')
  return {
    ...configuration,
    webhooks: configuration.webhooks.map(webhook => ({
      ...webhook,
      clientConfig: { ...webhook.clientConfig, caBundle },
    })),
  } as unknown as Json
}

function caSecret(certificate: string, key: string): string {
  return `# The mesh's root. Whoever has its key can be anybody in the mesh.\n${yamlText({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'selvedge-ca', namespace: SYSTEM_NAMESPACE },
    type: 'Opaque',
    stringData: { 'ca.crt': certificate, 'ca.key': key },
  })}`
}

/** What is to be done next, for a person who reads along. */
export function nextSteps(): readonly string[] {
  const deployment = `-n ${SYSTEM_NAMESPACE} deployment/${CONTROL_PLANE_SERVICE}`
  return [
    `kubectl rollout status ${deployment}`,
    'kubectl label namespace NAMESPACE selvedge.dev/inject=enabled',
    `kubectl exec ${deployment} -- selvedge token create --service-account NAMESPACE/ACCOUNT --uses 1000 --ttl 720h`,
    'kubectl create secret generic -n NAMESPACE selvedge-join-ACCOUNT --from-literal=token=THE-TOKEN',
  ]
}
