# One dead-letter topic per consumer, with a subscription of its own: a topic without a subscription
# drops what is published on it.

resource "google_pubsub_topic" "dead_letters" {
  #checkov:skip=CKV_GCP_83:Google's own encryption at rest is enough here: nobody asks for keys that we would have to rotate and could lose, and a disabled key would block parking.
  for_each = var.consumers

  project = var.project_id
  name    = each.value.dead_letter_topic
  labels  = merge(var.labels, { consumer = each.key })

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

resource "google_pubsub_subscription" "dead_letters" {
  for_each = var.consumers

  project = var.project_id
  name    = each.value.dead_letter_topic
  topic   = google_pubsub_topic.dead_letters[each.key].id
  labels  = merge(var.labels, { consumer = each.key })

  ack_deadline_seconds       = 60
  message_retention_duration = local._dead_letter_retention

  # Never: a dead-letter subscription is idle as long as all is well.
  expiration_policy {
    ttl = ""
  }
}
