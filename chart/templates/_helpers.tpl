{{/* Namespace of a layer. Call with (list $ "api"). */}}
{{- define "voting.namespace" -}}
{{ (index . 0).Values.namespaces.prefix }}-{{ index . 1 }}
{{- end }}

{{/* Selector labels of a component. A Deployment's selector is immutable, so no version here. Call with (list $ "api"). */}}
{{- define "voting.selector" -}}
app.kubernetes.io/name: {{ (index . 0).Chart.Name | quote }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 | quote }}
{{- end }}

{{/* Labels of every object. Call with (list $ "api"). */}}
{{- define "voting.labels" -}}
{{ include "voting.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/part-of: voting
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version | replace "+" "_" | quote }}
{{- end }}

{{/* Full image reference. Call with (list $ .Values.images.api). */}}
{{- define "voting.image" -}}
{{- $image := index . 1 -}}
{{ $image.repository }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* Common start of every pod spec. Call with (list $ UID), where UID is the user of the image. */}}
{{- define "voting.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with (index . 0).Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- if (index . 0).Values.pods.fixedIds }}
  runAsUser: {{ index . 1 }}
  runAsGroup: {{ index . 1 }}
  fsGroup: {{ index . 1 }}
  {{- end }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{/* Security context of every container. */}}
{{- define "voting.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The only directory that API and consumer can write to. */}}
{{- define "voting.tmp" -}}
- name: tmp
  emptyDir:
    sizeLimit: 16Mi
{{- end }}

{{/* Name of the Secret that every pod reads. */}}
{{- define "voting.secret" -}}
{{ .Values.secrets.existingSecret | default "voting-secrets" }}
{{- end }}

{{/* Environment variable from the Secret. Call with (list $ "REDIS_URL"). */}}
{{- define "voting.fromSecret" -}}
- name: {{ index . 1 | quote }}
  valueFrom:
    secretKeyRef:
      name: {{ include "voting.secret" (index . 0) | quote }}
      key: {{ index . 1 | quote }}
{{- end }}

{{/* Restarts the pods when a URL in the values changes. */}}
{{- define "voting.urlChecksum" -}}
checksum/urls: {{ list .Values.redis.url .Values.postgres.url | toJson | sha256sum | trunc 16 | quote }}
{{- end }}

{{/* Restarts the pods when `secrets.version` changes: no template sees a change in the Secret's own content. */}}
{{- define "voting.secretVersion" -}}
voting/secret-version: {{ .Values.secrets.version | quote }}
{{- end }}

{{/* Lets Reloader restart the pods of a workload when the Secret's content changes. */}}
{{- define "voting.reloader" -}}
secret.reloader.stakater.com/reload: {{ include "voting.secret" . | quote }}
{{- end }}

{{/*
Argo CD applies one wave after another, and waits until everything in a wave is healthy. Wave 0, the default, holds namespaces, Secrets,
policies, Redis and PostgreSQL; wave 1 the migration; wave 2 API, consumer and whatever is healthy only with their pods. Helm and Flux
ignore waves.
*/}}
{{- define "voting.waveOfMigration" -}}
argocd.argoproj.io/sync-wave: "1"
{{- end }}
{{- define "voting.waveOfParts" -}}
argocd.argoproj.io/sync-wave: "2"
{{- end }}

{{/* Argo CD keeps the object when the chart no longer renders it, and when the application is deleted. */}}
{{- define "voting.kept" -}}
helm.sh/resource-policy: keep
argocd.argoproj.io/sync-options: Prune=false,Delete=false
{{- end }}

{{/* Network policy peer: every pod in one namespace of this release. Call with (list $ "api"). */}}
{{- define "voting.namespacePeer" -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ include "voting.namespace" . | quote }}
{{- end }}

{{- /* Variables of API and consumer for traces; none without a collector. */}}
{{- define "voting.tracing" -}}
{{- if .Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .Values.tracing.endpoint | quote }}
- name: OTEL_TRACES_SAMPLER
  value: parentbased_traceidratio
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .Values.tracing.sampleRatio | quote }}
{{- end }}
{{- end }}
