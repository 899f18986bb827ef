# Metrics made from the log lines that services write anyway: one line per delivery, one per run of
# the relay that had something to do. Neither has an address or a name in it.

resource "google_logging_metric" "deliveries" {
  project     = var.project_id
  name        = "fanout/deliveries"
  description = "Deliveries by consumer and outcome: done, duplicate, ignored, stale, parked, busy, deferred, no_room, failed."
  filter      = "resource.type=\"cloud_run_revision\" AND jsonPayload.consumer:* AND jsonPayload.outcome:*"

  label_extractors = {
    consumer = "EXTRACT(jsonPayload.consumer)"
    outcome  = "EXTRACT(jsonPayload.outcome)"
  }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = "Deliveries by outcome"

    labels {
      key         = "consumer"
      value_type  = "STRING"
      description = "The consumer."
    }

    labels {
      key         = "outcome"
      value_type  = "STRING"
      description = "What became of the delivery."
    }
  }
}

resource "google_logging_metric" "outbox_age" {
  project         = var.project_id
  name            = "fanout/outbox_oldest_age"
  description     = "Age of the oldest row that the outbox relay left behind."
  filter          = "resource.type=\"cloud_run_revision\" AND jsonPayload.oldest_age_seconds:*"
  value_extractor = "EXTRACT(jsonPayload.oldest_age_seconds)"

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = "s"
    display_name = "Oldest outbox row"
  }

  bucket_options {
    exponential_buckets {
      growth_factor      = 2
      num_finite_buckets = 20
      scale              = 1
    }
  }
}
