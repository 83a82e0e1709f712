{{- define "curfew.name" -}}
{{- if contains "curfew" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}{{ printf "%s-curfew" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
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
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
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
