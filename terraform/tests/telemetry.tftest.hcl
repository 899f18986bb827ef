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

  assert {
    condition     = alltrue([for service in values(module.service) : length(service.service.template[0].containers) == 1])
    error_message = "A collector runs although telemetry is off."
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

  assert {
    condition     = alltrue([for service in values(module.service) : length(service.service.template[0].containers) == 1])
    error_message = "A collector runs although spans go straight to Google."
  }
}

run "sidecar" {
  command = apply

  variables {
    telemetry       = "sidecar"
    trace_ratio     = 0.5
    collector_image = "us-docker.pkg.dev/collectors/otelcol@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
  }

  assert {
    condition = alltrue([for service in values(module.service) : {
      for env in service.service.template[0].containers[0].env : env.name => env.value if startswith(env.name, "OTEL_")
    } == { OTEL_EXPORTER_OTLP_ENDPOINT = "http://localhost:4318", OTEL_TRACES_SAMPLER_ARG = "0.5" }])
    error_message = "A service does not send its spans to the collector beside it."
  }

  # Requests go to the one container with a port: the service.
  assert {
    condition = alltrue([for service in values(module.service) : [
      for container in service.service.template[0].containers :
      "${container.name}: ${length(container.ports)} ports, after ${join(" ", container.depends_on == null ? [] : container.depends_on)}"
    ] == ["service: 1 ports, after collector", "collector: 0 ports, after "]])
    error_message = "The collector is not there before the service, or is what requests go to."
  }

  assert {
    condition = alltrue([for service in values(module.service) :
      service.service.template[0].containers[1].image == var.collector_image
      && service.service.template[0].containers[1].resources[0].limits == tomap({ cpu = "1", memory = "256Mi" })
      && length(service.service.template[0].containers[1].liveness_probe) == 0
      && service.service.template[0].containers[1].startup_probe[0].http_get[0].port == 13133
    ])
    error_message = "The collector is another, has another share of the instance, ends it when it fails, or is not waited for."
  }

  assert {
    condition = alltrue(flatten([for service in values(module.service) : [
      for config in [jsondecode(one(service.service.template[0].containers[1].env[*].value))] : [
        service.service.template[0].containers[1].args[0] == "--config=env:${one(service.service.template[0].containers[1].env[*].name)}",
        config.receivers.otlp.protocols.http.endpoint == "127.0.0.1:4318",
        config.processors.memory_limiter.limit_mib + config.processors.memory_limiter.spike_limit_mib < 256,
        config.exporters.otlphttp.endpoint == "https://telemetry.googleapis.com",
        config.extensions[config.exporters.otlphttp.auth.authenticator].quota_project == var.project_id,
        endswith(config.extensions.health_check.endpoint, ":13133"),
        # All that is named is there, and all that is there is used.
        toset(config.service.extensions) == toset(keys(config.extensions)),
        toset(config.service.pipelines.traces.receivers) == toset(keys(config.receivers)),
        toset(config.service.pipelines.traces.processors) == toset(keys(config.processors)),
        toset(config.service.pipelines.traces.exporters) == toset(keys(config.exporters)),
        config.service.pipelines.traces.processors[0] == "memory_limiter",
      ]
    ]]))
    error_message = "The collector is not told to take the service's spans and to send them to Google."
  }

  assert {
    condition = alltrue([for service in values(module.service) : [for grant in concat(service.grants.traces, service.grants.quota) : "${grant.role} ${grant.member}"] == [
      for role in ["roles/telemetry.tracesWriter", "roles/serviceusage.serviceUsageConsumer"] : "${role} ${service.service_account.member}"
    ]])
    error_message = "A collector may not send spans, or a service may do more than with telemetry = direct."
  }
}

run "a_sidecar_needs_an_image_by_its_digest" {
  command = plan

  variables {
    telemetry = "sidecar"
  }

  expect_failures = [var.collector_image]
}

run "a_tag_is_no_digest" {
  command = plan

  variables {
    collector_image = "us-docker.pkg.dev/collectors/otelcol:0.151.0"
  }

  expect_failures = [var.collector_image]
}

run "no_other_way" {
  command = plan

  variables {
    telemetry   = "everywhere"
    trace_ratio = 2
  }

  expect_failures = [var.telemetry, var.trace_ratio]
}
