# One push subscription per consumer.

resource "google_pubsub_subscription" "push" {
  for_each = var.consumers

  project = var.project_id
  name    = each.value.subscription
  topic   = google_pubsub_topic.events.id
  labels  = merge(var.labels, { consumer = each.key })
  filter  = each.value.filter

  ack_deadline_seconds       = var.delivery.ack_deadline_seconds # also the time-out of the push request
  enable_message_ordering    = true                              # the ordering key is the event's subject
  message_retention_duration = local._retention

  push_config {
    push_endpoint = each.value.push_endpoint

    oidc_token {
      service_account_email = each.value.push_service_account
      audience              = each.value.push_audience
    }
  }

  retry_policy {
    minimum_backoff = "${var.delivery.minimum_backoff_seconds}s"
    maximum_backoff = "${var.delivery.maximum_backoff_seconds}s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters[each.key].id
    max_delivery_attempts = var.delivery.max_delivery_attempts
  }

  # Never: by default a subscription that is idle for 31 days is deleted.
  expiration_policy {
    ttl = ""
  }

  # Nothing is pushed before it can be parked, forwarded and kept.
  depends_on = [
    google_pubsub_subscription.dead_letters,
    google_pubsub_topic_iam_member.dead_letter_forwarder,
    google_pubsub_topic_iam_member.parking,
  ]
}
