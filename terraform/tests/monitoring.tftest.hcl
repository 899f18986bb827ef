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
  image          = "us-central1-docker.pkg.dev/fanout-test/fanout/service@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "alerts" {
  command = apply

  variables {
    notification_email    = "on-call@example.com"
    notification_channels = ["projects/fanout-test/notificationChannels/1"]
  }

  assert {
    condition = {
      for name in ["dead_letters", "oldest_unacked", "errors", "latency"] : name => join(" | ", [
        for condition in module.monitoring.alerts[name].conditions[0].condition_threshold :
        "${condition.filter} | ${condition.comparison} ${condition.threshold_value} for ${condition.duration}"
      ])
      } == {
      dead_letters   = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = one_of(${join(",", sort([for name, consumer in local.consumers : "\"${consumer.subscribes[0]}-${name}-dead-letters\""]))}) AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\" | COMPARISON_GT 0 for 0s"
      oldest_unacked = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = one_of(${join(",", sort(flatten([for name, consumer in local.consumers : [for topic in consumer.subscribes : "\"${topic}-${name}\""]])))}) AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" | COMPARISON_GT 300 for 60s"
      errors         = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = one_of(${join(",", [for name in keys(local.services) : "\"${name}\""])}) AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\" | COMPARISON_GT 0.05 for 300s"
      latency        = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"user-service\" AND metric.type = \"run.googleapis.com/request_latencies\" | COMPARISON_GT 1000 for 300s"
    }
    error_message = "A dead letter, a consumer 5 minutes behind, 5xx answers above 5 % or a slow user-service does not alert; or something else does."
  }

  assert {
    condition     = module.monitoring.alerts.errors.conditions[0].condition_threshold[0].denominator_filter == "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = one_of(${join(",", [for name in keys(local.services) : "\"${name}\""])}) AND metric.type = \"run.googleapis.com/request_count\""
    error_message = "5xx answers are not compared with all answers of the same services."
  }

  assert {
    condition = {
      for name in ["dead_letters", "oldest_unacked", "errors", "latency"] : name => [
        for by in concat(module.monitoring.alerts[name].conditions[0].condition_threshold[0].aggregations, module.monitoring.alerts[name].conditions[0].condition_threshold[0].denominator_aggregations) :
        trimspace("${by.per_series_aligner} ${by.alignment_period} ${by.cross_series_reducer == null ? "" : by.cross_series_reducer} ${by.group_by_fields == null ? "" : join(",", by.group_by_fields)}")
      ]
      } == {
      dead_letters   = ["ALIGN_MAX 60s"]
      oldest_unacked = ["ALIGN_MAX 60s"]
      errors         = ["ALIGN_DELTA 60s REDUCE_SUM resource.label.service_name", "ALIGN_DELTA 60s REDUCE_SUM resource.label.service_name"]
      latency        = ["ALIGN_DELTA 300s REDUCE_PERCENTILE_95 resource.label.service_name"]
    }
    error_message = "An alert looks at another aggregate than the largest value of a subscription, the answers of a service, or the 95th percentile of requests."
  }

  assert {
    condition = {
      for name in ["late", "outbox", "stuck", "ticker"] : name => module.monitoring.alerts[name].conditions[0].condition_matched_log[0].filter
      } == {
      late   = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"ticker\" AND jsonPayload.oldest_lateness_seconds>180"
      stuck  = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=\"process_stuck\""
      outbox = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"ticker\" AND jsonPayload.oldest_age_seconds>60"
      ticker = "resource.type=\"cloud_scheduler_job\" AND resource.labels.job_id=\"tick\" AND severity>=ERROR"
    }
    error_message = "An outbox row older than 60 s, a stuck or late process, or a ticker that can't be called, does not alert."
  }

  assert {
    condition     = length(module.monitoring.channels) == 2 && alltrue([for alert in values(module.monitoring.alerts) : toset(alert.notification_channels) == toset(module.monitoring.channels)])
    error_message = "An alert does not go to both the address and the existing channel."
  }

  assert {
    condition     = alltrue([for alert in values(module.monitoring.alerts) : alert.combiner == "OR" && length(alert.documentation[0].content) > 80])
    error_message = "An alert does not say what to do next."
  }

  assert {
    condition = (
      strcontains(module.monitoring.alerts.dead_letters.documentation[0].content, "kept for 31 days") &&
      strcontains(module.monitoring.alerts.oldest_unacked.documentation[0].content, "kept for 7 days") &&
      strcontains(module.monitoring.alerts.outbox.documentation[0].content, "`not published`") &&
      alltrue([for alert in ["errors", "oldest_unacked"] : strcontains(module.monitoring.alerts[alert].documentation[0].content, "no_room")])
    )
    error_message = "An alert does not say how long there is to mend things, or by which log lines to find the cause."
  }
}

# The bank has no consumer: `one_of()` of nothing is no filter, and the API refuses it.
run "without_consumers_nothing_asks_for_their_subscriptions" {
  command = apply

  variables {
    systems = ["bank"]
  }

  assert {
    condition     = [for name, alert in module.monitoring.alerts : name if alert == null] == ["dead_letters", "oldest_unacked"]
    error_message = "An alert looks at the subscriptions of no consumer, or another is missing."
  }
}

run "thresholds" {
  command = apply

  variables {
    alert_thresholds = { error_ratio = 0.2, oldest_outbox_seconds = 120 }
    delivery         = merge(var.delivery, { dead_letter_retention_days = 14, retention_days = 3 })
  }

  assert {
    condition = (
      strcontains(module.monitoring.alerts.dead_letters.documentation[0].content, "kept for 14 days") &&
      strcontains(module.monitoring.alerts.oldest_unacked.documentation[0].content, "kept for 3 days")
    )
    error_message = "An alert's text names another retention than the subscriptions have."
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
    public_service            = "user-service"
    retention_days            = { dead_letters = 31, messages = 7 }
    services                  = ["crm-service", "user-service"]
    subscriptions             = ["user-events-crm"]
    thresholds                = { error_ratio = 0.05, latency_p95_ms = 1000, oldest_outbox_seconds = 60, oldest_unacked_seconds = 300 }
    tick_job                  = "tick"
    ticker                    = "ticker"
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
      length(distinct([for tile in jsondecode(google_monitoring_dashboard.fanout.dashboard_json).mosaicLayout.tiles : "${try(tile.xPos, 0)}/${try(tile.yPos, 0)}"])) == length(jsondecode(google_monitoring_dashboard.fanout.dashboard_json).mosaicLayout.tiles) &&
      alltrue([for tile in jsondecode(google_monitoring_dashboard.fanout.dashboard_json).mosaicLayout.tiles : try(tile.xPos, 0) + tile.width <= 48])
    )
    error_message = "Tiles of the dashboard lie on each other or outside of it."
  }

  # The API gives back a dashboard without what is 0 or empty.
  assert {
    condition     = !can(regex(":(0|\\[\\]|\"\"|null)[,}]", google_monitoring_dashboard.fanout.dashboard_json))
    error_message = "The dashboard says something that the API leaves out: each plan would change it."
  }

  assert {
    condition = (
      google_logging_metric.of_lines["deliveries"].filter == "resource.type=\"cloud_run_revision\" AND jsonPayload.consumer:* AND jsonPayload.outcome:*" &&
      google_logging_metric.of_lines["deliveries"].label_extractors == tomap({ consumer = "EXTRACT(jsonPayload.consumer)", outcome = "EXTRACT(jsonPayload.outcome)" }) &&
      toset([for label in google_logging_metric.of_lines["deliveries"].metric_descriptor[0].labels : label.key]) == toset(["consumer", "outcome"])
    )
    error_message = "The metric of deliveries does not tell consumers and outcomes apart; or it has a label with personal data."
  }

  assert {
    condition     = google_logging_metric.of_lines["outbox_oldest_age"].filter == "resource.type=\"cloud_run_revision\" AND jsonPayload.oldest_age_seconds:*" && google_logging_metric.of_lines["outbox_oldest_age"].value_extractor == "EXTRACT(jsonPayload.oldest_age_seconds)"
    error_message = "The metric of the outbox does not read the age that the ticker logs."
  }
}

run "a_dashboard_without_consumers" {
  command = plan

  module {
    source = "./modules/monitoring"
  }

  variables {
    dead_letter_subscriptions = []
    public_service            = "user-service"
    retention_days            = { dead_letters = 31, messages = 7 }
    services                  = ["account-service"]
    subscriptions             = []
    thresholds                = { error_ratio = 0.05, latency_p95_ms = 1000, oldest_outbox_seconds = 60, oldest_unacked_seconds = 300 }
    tick_job                  = "tick"
    ticker                    = "ticker"
    topics                    = ["account-events"]
  }

  assert {
    condition     = !strcontains(google_monitoring_dashboard.fanout.dashboard_json, "one_of()") && strcontains(google_monitoring_dashboard.fanout.dashboard_json, "account-events")
    error_message = "A chart asks for one of no subscriptions, which the API refuses; or the others are gone."
  }
}
