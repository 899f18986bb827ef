# When somebody is told. Each alert says what to do next.

locals {
  # Monitoring's own "one of these".
  _one_of = {
    for name, values in {
      dead_letters  = var.dead_letter_subscriptions
      services      = var.services
      subscriptions = var.subscriptions
    } : name => "one_of(${join(",", [for value in values : "\"${value}\""])})"
  }
}

# Of nothing there is no such filter: where there are no consumers, nothing is asked of their subscriptions.
resource "google_monitoring_alert_policy" "dead_letters" {
  count = length(var.dead_letter_subscriptions) == 0 ? 0 : 1

  project               = var.project_id
  display_name          = "fanout ${var.environment}: dead letters"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local._channels
  user_labels           = var.labels

  conditions {
    display_name = "A dead-letter subscription is not empty"

    # What waits, not what was forwarded: this sees parked messages too.
    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = ${local._one_of.dead_letters} AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    subject = "Dead letters at $${resource.label.subscription_id}"
    content = "A consumer parked an event, or gave up on it after its last attempt. `fanout dead-letters list` groups them by reason; mend the cause, then `fanout dead-letters redrive --consumer NAME`. They are kept for ${var.retention_days.dead_letters} days."
  }
}

resource "google_monitoring_alert_policy" "oldest_unacked" {
  count = length(var.subscriptions) == 0 ? 0 : 1

  project               = var.project_id
  display_name          = "fanout ${var.environment}: a consumer is behind"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local._channels
  user_labels           = var.labels

  conditions {
    display_name = "The oldest unacked message is older than ${var.thresholds.oldest_unacked_seconds} s"

    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = ${local._one_of.subscriptions} AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.thresholds.oldest_unacked_seconds
      duration        = "60s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    subject = "$${resource.label.subscription_id} is behind"
    content = "Deliveries fail or the consumer is too slow. Its log lines with `jsonPayload.outcome=\"failed\"` say why; with `no_room`, too much is pushed at once for its memory. Messages are kept for ${var.retention_days.messages} days, and become dead letters after the last attempt."
  }
}

# Straight from the log line: an alert on a log-based metric can't be created in the minutes in which
# the metric is new, so the first `terraform apply` would fail.
resource "google_monitoring_alert_policy" "outbox" {
  project               = var.project_id
  display_name          = "fanout ${var.environment}: events wait in the outbox"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local._channels
  user_labels           = var.labels

  conditions {
    display_name = "The oldest outbox row is older than ${var.thresholds.oldest_outbox_seconds} s"

    condition_matched_log {
      filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.ticker}\" AND jsonPayload.oldest_age_seconds>${var.thresholds.oldest_outbox_seconds}"

      label_extractors = {
        age_seconds = "EXTRACT(jsonPayload.oldest_age_seconds)"
        remaining   = "EXTRACT(jsonPayload.remaining)"
      }
    }
  }

  alert_strategy {
    auto_close = "1800s"

    notification_rate_limit {
      period = "300s"
    }
  }

  documentation {
    subject = "Events wait in the outbox"
    content = "State is stored, its events are not published. Lines with `not published` say why: Pub/Sub refuses or does not answer, or a row can't be read. Nothing is lost: the ticker tries again each minute."
  }
}

# Straight from the log line, as above: which process, at which step.
resource "google_monitoring_alert_policy" "stuck" {
  project               = var.project_id
  display_name          = "fanout ${var.environment}: a process is stuck"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local._channels
  user_labels           = var.labels

  conditions {
    display_name = "A process waits for an operator"

    condition_matched_log {
      filter = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=\"process_stuck\""

      label_extractors = {
        process = "EXTRACT(jsonPayload.process)"
        key     = "EXTRACT(jsonPayload.key)"
        step    = "EXTRACT(jsonPayload.step)"
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"

    notification_rate_limit {
      period = "300s"
    }
  }

  documentation {
    subject = "A process is stuck"
    content = "An undo was not answered ten times, or a step past the pivot failed. `fanout processes show KEY` says which. Then retry, skip the step once it was done by hand, or abandon it with a reason."
  }
}

resource "google_monitoring_alert_policy" "late" {
  project               = var.project_id
  display_name          = "fanout ${var.environment}: processes wake late"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local._channels
  user_labels           = var.labels

  conditions {
    display_name = "A process has been due for more than 180 s"

    condition_matched_log {
      filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.ticker}\" AND jsonPayload.oldest_lateness_seconds>180"

      label_extractors = {
        lateness_seconds = "EXTRACT(jsonPayload.oldest_lateness_seconds)"
        remaining        = "EXTRACT(jsonPayload.remaining)"
      }
    }
  }

  alert_strategy {
    auto_close = "1800s"

    notification_rate_limit {
      period = "300s"
    }
  }

  documentation {
    subject = "Processes wake late"
    content = "Deadlines of processes pass unnoticed. The ticker's lines `a process could not be woken` say why; a version that it does not know is one of a rollback. Answers are taken all the same."
  }
}

# The first alert of the ticker's lives on its own word; this one tells when the ticker can't speak.
resource "google_monitoring_alert_policy" "ticker" {
  project               = var.project_id
  display_name          = "fanout ${var.environment}: the ticker fails"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local._channels
  user_labels           = var.labels

  conditions {
    display_name = "Cloud Scheduler gets no good answer from the ticker"

    condition_matched_log {
      filter = "resource.type=\"cloud_scheduler_job\" AND resource.labels.job_id=\"${var.tick_job}\" AND severity>=ERROR"
    }
  }

  alert_strategy {
    auto_close = "1800s"

    notification_rate_limit {
      period = "900s"
    }
  }

  documentation {
    subject = "The ticker fails"
    content = "Cloud Scheduler's call of POST /tick was refused, timed out or answered 5xx. Until it works, events whose first publish failed wait in the outbox."
  }
}

resource "google_monitoring_alert_policy" "errors" {
  project               = var.project_id
  display_name          = "fanout ${var.environment}: a service answers with errors"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local._channels
  user_labels           = var.labels

  conditions {
    display_name = "More than ${var.thresholds.error_ratio * 100} % of the answers are 5xx"

    condition_threshold {
      filter             = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = ${local._one_of.services} AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
      denominator_filter = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = ${local._one_of.services} AND metric.type = \"run.googleapis.com/request_count\""
      comparison         = "COMPARISON_GT"
      threshold_value    = var.thresholds.error_ratio
      duration           = "300s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }

      denominator_aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }

  documentation {
    subject = "$${resource.label.service_name} answers 5xx"
    content = "On a consumer a 503 asks Pub/Sub to deliver again; so nothing is lost yet, but a dependency fails, and the service's log lines of severity ERROR name it; or pushes take more memory than it has for them, and its lines have `jsonPayload.outcome=\"no_room\"`: give it more memory, or a lower `concurrency`. Pub/Sub counts each 503 as an attempt, and the last makes a dead letter."
  }
}

resource "google_monitoring_alert_policy" "latency" {
  project               = var.project_id
  display_name          = "fanout ${var.environment}: ${var.public_service} is slow"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local._channels
  user_labels           = var.labels

  conditions {
    display_name = "The 95th percentile of ${var.public_service} is above ${var.thresholds.latency_p95_ms} ms"

    condition_threshold {
      filter          = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${var.public_service}\" AND metric.type = \"run.googleapis.com/request_latencies\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.thresholds.latency_p95_ms
      duration        = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_PERCENTILE_95"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }

  documentation {
    subject = "${var.public_service} is slow"
    content = "A sign-up is one Firestore commit and at most 2 s of publishing. The dashboard shows which of the two, or whether instances are starting all the time."
  }
}
