{{/* The name of the namespace of one layer. Takes (list $ "api"). */}}
{{- define "voting.namespace" -}}
{{ (index . 0).Values.namespaces.prefix }}-{{ index . 1 }}
{{- end }}

{{/* What selects a component's pods: immutable in a Deployment, so no version here. Takes (list $ "api"). */}}
{{- define "voting.selector" -}}
app.kubernetes.io/name: {{ (index . 0).Chart.Name }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* The labels of every object. Takes (list $ "api"). */}}
{{- define "voting.labels" -}}
{{ include "voting.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/part-of: voting
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version | replace "+" "_" }}
{{- end }}

{{/* A whole image reference. Takes (list $ .Values.images.api). */}}
{{- define "voting.image" -}}
{{- $image := index . 1 -}}
{{ $image.repository }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* What every pod spec begins with. Takes (list $ UID); the UID is the image's. */}}
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

{{/* The security context of every container. */}}
{{- define "voting.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The only folder that API and consumer may write to. */}}
{{- define "voting.tmp" -}}
- name: tmp
  emptyDir:
    sizeLimit: 16Mi
{{- end }}

{{/* The name of the Secret that every pod reads. */}}
{{- define "voting.secret" -}}
{{ .Values.secrets.existingSecret | default "voting-secrets" }}
{{- end }}

{{/* One variable from the Secret. Takes (list $ "REDIS_URL"). */}}
{{- define "voting.fromSecret" -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ include "voting.secret" (index . 0) }}
      key: {{ index . 1 }}
{{- end }}

{{/* Changes when a pod must start anew to read another URL; the Secret's own content stays out of it. */}}
{{- define "voting.urls" -}}
checksum/urls: {{ list .Values.redis.url .Values.postgres.url | toJson | sha256sum | trunc 16 | quote }}
{{- end }}

{{/* Who may open connections: every pod of one namespace of this release. Takes (list $ "api"). */}}
{{- define "voting.peer" -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ include "voting.namespace" . }}
{{- end }}
