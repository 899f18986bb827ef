# Where traces go.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project_id     = "fanout-test"
  project_number = "123456789012"
  environment    = "test"
  region         = "us-central1"
  mail           = { from = "Fanout <hello@example.com>" }
  image          = "us-central1-docker.pkg.dev/fanout-test/fanout/service@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "off" {
  command = apply

  assert {
    condition = alltrue([for service in values(module.service) : alltrue([
      for env in service.service.template[0].containers[0].env : !startswith(env.name, "OTEL_")
    ]) && length(service.grants.traces) == 0 && length(service.grants.quota) == 0])
    error_message = "A service is told where traces go, or may send them, although telemetry is off."
  }
}

run "direct" {
  command = apply

  variables {
    telemetry   = "direct"
    trace_ratio = 0.5
  }

  assert {
    condition = alltrue([for service in values(module.service) : {
      for env in service.service.template[0].containers[0].env : env.name => env.value if startswith(env.name, "OTEL_")
    } == { OTEL_EXPORTER_OTLP_ENDPOINT = "https://telemetry.googleapis.com", OTEL_TRACES_SAMPLER_ARG = "0.5" }])
    error_message = "A service is not told where traces go, or keeps another part of them than the others."
  }

  assert {
    condition = alltrue([for service in values(module.service) : [for grant in concat(service.grants.traces, service.grants.quota) : "${grant.role} ${grant.member}"] == [
      for role in ["roles/telemetry.tracesWriter", "roles/serviceusage.serviceUsageConsumer"] : "${role} ${service.service_account.member}"
    ]])
    error_message = "A service may not send its spans, or may do more."
  }
}

run "no_other_way" {
  command = plan

  variables {
    telemetry   = "everywhere"
    trace_ratio = 2
  }

  expect_failures = [var.telemetry, var.trace_ratio]
}
