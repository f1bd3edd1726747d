{{- define "citewise.name" -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "citewise.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{- define "citewise.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Each replica by its own address: Citewise balances, and leaves out what fails. */}}
{{- define "citewise.modelUrls" -}}
{{- if .Values.vllm.enabled -}}
{{- $name := printf "%s-vllm" (include "citewise.name" .) -}}
{{- $urls := list -}}
{{- range $i := until (int .Values.vllm.replicas) -}}
{{- $urls = append $urls (printf "http://%s-%d.%s:8000/v1" $name $i $name) -}}
{{- end -}}
{{- join "," $urls -}}
{{- else -}}
{{- if not .Values.vllm.urls -}}
{{- fail "vllm.urls: name a server where vllm.enabled is false" -}}
{{- end -}}
{{- join "," .Values.vllm.urls -}}
{{- end -}}
{{- end -}}
