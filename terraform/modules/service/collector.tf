# The collector beside a service: takes its spans on the instance's own loopback, and sends them to
# Google's API of OTLP as the service's account.

locals {
  # What the collector takes as its memory's limit leaves room for its own: beyond it spans are refused,
  # and the service tries again or drops them, rather than the instance being killed.
  _collector_limit_mib = 160

  _collector_port = 13133 # where it says that it is ready

  # JSON is YAML, so this is its whole configuration, given by a variable: a plan shows it, and no secret,
  # no bucket and no right to read one is needed.
  _collector_config = jsonencode({
    extensions = {
      googleclientauth = { project = var.project_id, quota_project = var.project_id }
      health_check     = { endpoint = "0.0.0.0:${local._collector_port}" }
    }
    receivers = {
      otlp = { protocols = { http = { endpoint = "127.0.0.1:4318" } } }
    }
    processors = {
      memory_limiter = { check_interval = "1s", limit_mib = local._collector_limit_mib, spike_limit_mib = 32 }
      # Short: the service has gathered them for a second, and there is no CPU after the last answer.
      batch = { timeout = "200ms", send_batch_size = 512 }
    }
    exporters = {
      otlphttp = {
        endpoint = "https://telemetry.googleapis.com"
        encoding = "proto"
        auth     = { authenticator = "googleclientauth" }
      }
    }
    service = {
      extensions = ["googleclientauth", "health_check"]
      pipelines = {
        traces = { receivers = ["otlp"], processors = ["memory_limiter", "batch"], exporters = ["otlphttp"] }
      }
      telemetry = { logs = { level = "warn", encoding = "json" }, metrics = { level = "none" } }
    }
  })
}
