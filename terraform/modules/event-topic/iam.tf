# Who may do what with the topic and its subscriptions. A grant on something that is replaced goes with
# it, and Terraform would not notice: hence each replace_triggered_by. (On `.id`, which changes with a
# replacement only: a new label must not take a grant away for a moment.)

# Services publish, once all that must be there before the first event is there.
resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = var.publishers

  project = var.project_id
  topic   = google_pubsub_topic.events.name
  role    = "roles/pubsub.publisher"
  member  = each.value

  lifecycle {
    replace_triggered_by = [google_pubsub_topic.events.id]
  }

  depends_on = [
    google_pubsub_subscription.push,
    google_pubsub_subscription_iam_member.forwarder,
  ]
}

# Pub/Sub itself acks what it forwards to a dead-letter topic. Without this right, and that to publish
# there, nothing is ever forwarded.
resource "google_pubsub_subscription_iam_member" "forwarder" {
  for_each = var.consumers

  project      = var.project_id
  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  lifecycle {
    replace_triggered_by = [google_pubsub_subscription.push[each.key].id]
  }
}
