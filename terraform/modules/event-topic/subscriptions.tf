# One push subscription per consumer.

resource "google_pubsub_subscription" "push" {
  for_each = var.consumers

  project = var.project_id
  name    = "${var.name}-${each.key}"
  topic   = google_pubsub_topic.events.id
  labels  = merge(var.labels, { consumer = each.key })

  ack_deadline_seconds       = var.delivery.ack_deadline_seconds # also the time-out of the push request
  enable_message_ordering    = true                              # the ordering key is the event's subject
  filter                     = each.value.filter                 # a change replaces the subscription, and drops what waits there
  message_retention_duration = local._retention

  push_config {
    push_endpoint = "${each.value.service_url}/pubsub/push"

    oidc_token {
      service_account_email = each.value.push_service_account
      audience              = each.value.service_url
    }
  }

  retry_policy {
    minimum_backoff = "${var.delivery.minimum_backoff_seconds}s"
    maximum_backoff = "${var.delivery.maximum_backoff_seconds}s"
  }

  dead_letter_policy {
    dead_letter_topic     = each.value.dead_letter_topic
    max_delivery_attempts = var.delivery.max_delivery_attempts
  }

  # Never: by default a subscription that is idle for 31 days is deleted.
  expiration_policy {
    ttl = ""
  }
}
