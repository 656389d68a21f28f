{{/* Namespace of a layer. Call with (list $ "api"). */}}
{{- define "voting.namespace" -}}
{{ (index . 0).Values.namespaces.prefix }}-{{ index . 1 }}
{{- end }}

{{/* Selector labels of a component. A Deployment's selector is immutable, so no version here. Call with (list $ "api"). */}}
{{- define "voting.selector" -}}
app.kubernetes.io/name: {{ (index . 0).Chart.Name }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Labels of every object. Call with (list $ "api"). */}}
{{- define "voting.labels" -}}
{{ include "voting.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/part-of: voting
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version | replace "+" "_" }}
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
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ index . 1 }}
  runAsGroup: {{ index . 1 }}
  fsGroup: {{ index . 1 }}
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
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ include "voting.secret" (index . 0) }}
      key: {{ index . 1 }}
{{- end }}

{{/* Restarts the pods when a URL in the values changes. A change in the Secret's own content does not. */}}
{{- define "voting.urlChecksum" -}}
checksum/urls: {{ list .Values.redis.url .Values.postgres.url | toJson | sha256sum | trunc 16 | quote }}
{{- end }}

{{/* Network policy peer: every pod in one namespace of this release. Call with (list $ "api"). */}}
{{- define "voting.namespacePeer" -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ include "voting.namespace" . }}
{{- end }}
