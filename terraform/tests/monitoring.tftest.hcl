# When somebody is told, and what they can look at.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project_id     = "fanout-test"
  project_number = "123456789012"
  environment    = "test"
  region         = "us-central1"
  mail           = { from = "Fanout <hello@example.com>" }
  # Of every service there is a folder for: a further consumer changes no test.
  images = {
    for manifest in fileset("../functions", "*-service/Cargo.toml") :
    dirname(manifest) => "us-central1-docker.pkg.dev/fanout-test/fanout/${dirname(manifest)}@sha256:${sha256(manifest)}"
  }
}

run "alerts" {
  command = apply

  variables {
    notification_email    = "on-call@example.com"
    notification_channels = ["projects/fanout-test/notificationChannels/1"]
  }

  assert {
    condition = (
      module.monitoring.alerts.dead_letters.conditions[0].condition_threshold[0].threshold_value == 0 &&
      module.monitoring.alerts.dead_letters.conditions[0].condition_threshold[0].comparison == "COMPARISON_GT" &&
      strcontains(module.monitoring.alerts.dead_letters.conditions[0].condition_threshold[0].filter, "one_of(${join(",", [for name in keys(var.consumers) : "\"user-events-${name}-dead-letters\""])}) AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\"")
    )
    error_message = "A single dead letter of any consumer does not alert."
  }

  assert {
    condition = (
      module.monitoring.alerts.oldest_unacked.conditions[0].condition_threshold[0].threshold_value == 300 &&
      strcontains(module.monitoring.alerts.oldest_unacked.conditions[0].condition_threshold[0].filter, "one_of(${join(",", [for name in keys(var.consumers) : "\"user-events-${name}\""])}) AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\"")
    )
    error_message = "A consumer that is more than 5 minutes behind does not alert."
  }

  assert {
    condition     = module.monitoring.alerts.outbox.conditions[0].condition_matched_log[0].filter == "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(\"user-service\") AND jsonPayload.oldest_age_seconds>60"
    error_message = "An outbox row older than 60 s does not alert."
  }

  assert {
    condition     = module.monitoring.alerts.relay.conditions[0].condition_matched_log[0].filter == "resource.type=\"cloud_scheduler_job\" AND resource.labels.job_id=(\"relay-user-service\") AND severity>=ERROR"
    error_message = "A relay that can't be called does not alert."
  }

  assert {
    condition = (
      module.monitoring.alerts.errors.conditions[0].condition_threshold[0].threshold_value == 0.05 &&
      strcontains(module.monitoring.alerts.errors.conditions[0].condition_threshold[0].filter, "response_code_class = \"5xx\"") &&
      !strcontains(module.monitoring.alerts.errors.conditions[0].condition_threshold[0].denominator_filter, "5xx") &&
      alltrue([for service in concat(["user-service"], [for name in keys(var.consumers) : "${name}-service"]) : strcontains(module.monitoring.alerts.errors.conditions[0].condition_threshold[0].filter, "\"${service}\"")])
    )
    error_message = "5xx answers of any service above 5 % do not alert."
  }

  assert {
    condition = (
      module.monitoring.alerts.latency.conditions[0].condition_threshold[0].aggregations[0].cross_series_reducer == "REDUCE_PERCENTILE_95" &&
      module.monitoring.alerts.latency.conditions[0].condition_threshold[0].threshold_value == 1000 &&
      strcontains(module.monitoring.alerts.latency.conditions[0].condition_threshold[0].filter, "service_name = \"user-service\"")
    )
    error_message = "A slow user-service does not alert."
  }

  assert {
    condition     = length(module.monitoring.channels) == 2 && alltrue([for alert in values(module.monitoring.alerts) : toset(alert.notification_channels) == toset(module.monitoring.channels)])
    error_message = "An alert does not go to both the address and the existing channel."
  }

  assert {
    condition     = alltrue([for alert in values(module.monitoring.alerts) : alert.combiner == "OR" && length(alert.documentation[0].content) > 80])
    error_message = "An alert does not say what to do next."
  }
}

run "thresholds" {
  command = apply

  variables {
    alert_thresholds = { error_ratio = 0.2, oldest_outbox_seconds = 120 }
  }

  assert {
    condition = (
      module.monitoring.alerts.errors.conditions[0].condition_threshold[0].threshold_value == 0.2 &&
      endswith(module.monitoring.alerts.outbox.conditions[0].condition_matched_log[0].filter, "oldest_age_seconds>120") &&
      module.monitoring.alerts.oldest_unacked.conditions[0].condition_threshold[0].threshold_value == 300
    )
    error_message = "alert_thresholds does not change what it names, or changes the rest."
  }

  assert {
    condition     = length(module.monitoring.channels) == 0
    error_message = "A notification channel is made although no address is given."
  }
}

run "dashboard_and_metrics" {
  command = apply

  module {
    source = "./modules/monitoring"
  }

  variables {
    dead_letter_subscriptions = ["user-events-crm-dead-letters"]
    outbox_services           = ["user-service"]
    public_service            = "user-service"
    relay_jobs                = ["relay-user-service"]
    services                  = ["crm-service", "user-service"]
    subscriptions             = ["user-events-crm"]
    thresholds                = { error_ratio = 0.05, latency_p95_ms = 1000, oldest_outbox_seconds = 60, oldest_unacked_seconds = 300 }
    topics                    = ["user-events"]
  }

  assert {
    condition = alltrue([
      for part in [
        "topic/send_message_operation_count", "subscription/push_request_count", "subscription/push_request_latencies",
        "run.googleapis.com/request_latencies", "subscription/num_undelivered_messages", "user-events-crm-dead-letters",
        "user/fanout/deliveries", "outcome=\\\"duplicate\\\"", "outcome=\\\"parked\\\"", "container/instance_count",
        "document/read_count", "document/write_count",
      ] : strcontains(google_monitoring_dashboard.fanout.dashboard_json, part)
    ])
    error_message = "The dashboard lacks a chart: publish and push rate, latency, backlog, dead letters, duplicates, parks, instances or Firestore operations."
  }

  # Tiles that overlap or stick out are refused by the API.
  assert {
    condition = (
      length(distinct([for tile in jsondecode(google_monitoring_dashboard.fanout.dashboard_json).mosaicLayout.tiles : "${tile.xPos}/${tile.yPos}"])) == length(jsondecode(google_monitoring_dashboard.fanout.dashboard_json).mosaicLayout.tiles) &&
      alltrue([for tile in jsondecode(google_monitoring_dashboard.fanout.dashboard_json).mosaicLayout.tiles : tile.xPos + tile.width <= 48])
    )
    error_message = "Tiles of the dashboard lie on each other or outside of it."
  }

  assert {
    condition = (
      google_logging_metric.deliveries.label_extractors == tomap({ consumer = "EXTRACT(jsonPayload.consumer)", outcome = "EXTRACT(jsonPayload.outcome)" }) &&
      toset([for label in google_logging_metric.deliveries.metric_descriptor[0].labels : label.key]) == toset(["consumer", "outcome"])
    )
    error_message = "The metric of deliveries does not tell consumers and outcomes apart; or it has a label with personal data."
  }

  assert {
    condition     = google_logging_metric.outbox_age.value_extractor == "EXTRACT(jsonPayload.oldest_age_seconds)"
    error_message = "The metric of the outbox does not read the age that the relay logs."
  }
}
