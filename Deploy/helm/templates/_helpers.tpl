{{- define "curfew.name" -}}
{{- $name := .Release.Name | replace "." "-" }}
{{- if contains "curfew" $name }}{{ $name | trunc 40 | trimSuffix "-" }}
{{- else }}{{ printf "%s-curfew" $name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* The port of HTTP, and what speaks it. */}}
{{- define "curfew.port" -}}
{{ splitList ":" .Values.config.http.listen | last }}
{{- end }}

{{- define "curfew.scheme" -}}
{{ if .Values.config.http.tls }}HTTPS{{ else }}HTTP{{ end }}
{{- end }}

{{/* The ports that may be reached: those of the values, of the address of Redis, and of the collector. */}}
{{- define "curfew.toPorts" -}}
{{- $ports := list }}
{{- range .Values.networkPolicy.toPorts }}{{ $ports = append $ports (int .) }}{{ end }}
{{- range regexFindAll ":[0-9]{1,5}([,/?]|$)" .Values.config.redis -1 }}
{{- $ports = append $ports (regexFind "[0-9]+" . | int) }}
{{- end }}
{{- if regexMatch "^rediss?[+]sentinel:" .Values.config.redis }}{{ $ports = append $ports 26379 }}{{ end }}
{{- with .Values.config.otel }}
{{- range regexFindAll ":[0-9]{1,5}([/?]|$)" .endpoint -1 }}
{{- $ports = append $ports (regexFind "[0-9]+" . | int) }}
{{- end }}
{{- end }}
{{- range (uniq $ports) }}
- {port: {{ . }}, protocol: TCP}
{{- end }}
{{- end }}

{{- define "curfew.selector" -}}
app.kubernetes.io/name: curfew
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "curfew.labels" -}}
{{ include "curfew.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "curfew.secret" -}}
{{ .Values.secret.existing | default (include "curfew.name" .) }}
{{- end }}

{{- define "curfew.hasSecret" -}}
{{- if or .Values.secret.existing .Values.secret.values }}yes{{ end }}
{{- end }}

{{/* What the pods of workers and of one-shot runs have in common; the caller says the arguments. */}}
{{- define "curfew.pod" -}}
serviceAccountName: {{ include "curfew.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ int .Values.terminationGracePeriodSeconds }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
volumes:
  - name: configuration
    configMap: {name: {{ include "curfew.name" . }}}
  {{- if include "curfew.hasSecret" . }}
  - name: secrets
    secret: {secretName: {{ include "curfew.secret" . }}, defaultMode: 0440}
  {{- end }}
{{- end }}

{{- define "curfew.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.env }}
env: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: configuration, mountPath: /etc/curfew, readOnly: true}
  {{- if include "curfew.hasSecret" . }}
  - {name: secrets, mountPath: /run/secrets/curfew, readOnly: true}
  {{- end }}
{{- end }}
