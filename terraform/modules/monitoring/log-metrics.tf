# Metrics made from the log lines that services write anyway: one line per delivery, per publication,
# and per run of the relay that had something to do. None has an address or a name in it. A test
# compares the names with those of `GET /metrics` on one machine: docs/METRICS.md.

locals {
  _cloud_run_lines = "resource.type=\"cloud_run_revision\""
  _delivery_lines  = "${local._cloud_run_lines} AND jsonPayload.consumer:* AND jsonPayload.outcome:*"
  _publish_lines   = "${local._cloud_run_lines} AND jsonPayload.topic:* AND jsonPayload.send_latency:*"
  _relay_lines     = "${local._cloud_run_lines} AND jsonPayload.oldest_age_seconds:*"

  # Each by its name: how it counts lines, by which fields of theirs; with `value`, the distribution of that.
  _log_metrics = {
    deliveries = {
      title = "Deliveries by outcome", unit = "1", lines = local._delivery_lines, labels = ["consumer", "outcome"], value = null
      says  = "Deliveries by consumer and outcome: done, duplicate, ignored, stale, parked, busy, deferred, no_room, failed."
    }
    parked = {
      title = "Parked events by reason", unit = "1", lines = "${local._delivery_lines} AND jsonPayload.reason:*", labels = ["consumer", "reason"], value = null
      says  = "Events that a consumer put on its dead-letter topic."
    }
    claims_taken_over = {
      title = "Claims taken over", unit = "1", lines = "${local._delivery_lines} AND jsonPayload.may_have_repeated=true", labels = ["consumer"], value = null
      says  = "Claims taken over from a holder that was cut off."
    }
    messaging_process_duration = {
      title = "Time of a delivery", unit = "ms", lines = local._delivery_lines, labels = ["consumer", "outcome"], value = "EXTRACT(jsonPayload.duration_ms)"
      says  = "How long a consumer took for a delivery."
    }
    messaging_client_sent_messages = {
      title = "Published messages", unit = "1", lines = local._publish_lines, labels = ["topic"], value = null
      says  = "Messages that the bus took."
    }
    messaging_client_operation_duration = {
      title = "Time of a publication", unit = "s", lines = local._publish_lines, labels = ["topic"], value = "REGEXP_EXTRACT(jsonPayload.send_latency, \"([0-9.]+)s\")"
      says  = "How long the bus took to take a message."
    }
    outbox_rows = {
      title = "Outbox rows left", unit = "1", lines = local._relay_lines, labels = [], value = "EXTRACT(jsonPayload.remaining)"
      says  = "Stored events that a run of the relay left unpublished."
    }
    outbox_oldest_age = {
      title = "Oldest outbox row", unit = "s", lines = local._relay_lines, labels = [], value = "EXTRACT(jsonPayload.oldest_age_seconds)"
      says  = "Age of the oldest row that the outbox relay left behind."
    }
  }

  # For the filters of charts.
  _log_metric_types = { for name, metric in google_logging_metric.of_lines : name => "metric.type=\"logging.googleapis.com/user/${metric.name}\"" }
}

resource "google_logging_metric" "of_lines" {
  for_each = local._log_metrics

  project          = var.project_id
  name             = "fanout/${each.key}"
  description      = each.value.says
  filter           = each.value.lines
  value_extractor  = each.value.value
  label_extractors = { for label in each.value.labels : label => "EXTRACT(jsonPayload.${label})" }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = each.value.value == null ? "INT64" : "DISTRIBUTION"
    unit         = each.value.unit
    display_name = each.value.title

    dynamic "labels" {
      for_each = each.value.labels

      content {
        key         = labels.value
        value_type  = "STRING"
        description = "The line's ${labels.value}."
      }
    }
  }

  dynamic "bucket_options" {
    for_each = each.value.value == null ? [] : ["exponential"]

    content {
      exponential_buckets {
        growth_factor      = 2
        num_finite_buckets = 20
        scale              = each.value.unit == "s" && each.key != "outbox_oldest_age" ? 0.001 : 1
      }
    }
  }
}

moved {
  from = google_logging_metric.deliveries
  to   = google_logging_metric.of_lines["deliveries"]
}

moved {
  from = google_logging_metric.outbox_age
  to   = google_logging_metric.of_lines["outbox_oldest_age"]
}
