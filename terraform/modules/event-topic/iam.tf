# Who may do what with the subscriptions and the dead-letter topics. A grant on something that is
# replaced goes with it, and Terraform would not notice: hence each replace_triggered_by. (On `.id`,
# which changes with a replacement only: a new label must not take a grant away for a moment.)

locals {
  # Pub/Sub's own identity in this project. Only google-beta can look it up (and create it), and one
  # name is no reason for a second provider: it is always made from the project's number.
  _pubsub_agent = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

# Pub/Sub itself forwards what keeps failing: it publishes on the dead-letter topic ...
resource "google_pubsub_topic_iam_member" "dead_letter_forwarder" {
  for_each = var.consumers

  project = var.project_id
  topic   = google_pubsub_topic.dead_letters[each.key].name
  role    = "roles/pubsub.publisher"
  member  = local._pubsub_agent

  lifecycle {
    replace_triggered_by = [google_pubsub_topic.dead_letters[each.key].id]
  }
}

# ... and acks on the subscription. Without either of the two nothing is ever forwarded.
resource "google_pubsub_subscription_iam_member" "dead_letter_forwarder" {
  for_each = var.consumers

  project      = var.project_id
  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local._pubsub_agent

  lifecycle {
    replace_triggered_by = [google_pubsub_subscription.push[each.key].id]
  }
}

# A consumer parks what will never work on its own dead-letter topic, and publishes nowhere else.
resource "google_pubsub_topic_iam_member" "parking" {
  for_each = var.consumers

  project = var.project_id
  topic   = google_pubsub_topic.dead_letters[each.key].name
  role    = "roles/pubsub.publisher"
  member  = each.value.parks_as

  lifecycle {
    replace_triggered_by = [google_pubsub_topic.dead_letters[each.key].id]
  }
}

# Operators list, redrive and discard dead letters. A binding, not a member: it also takes the right
# away from anybody else who was given it by hand.
resource "google_pubsub_subscription_iam_binding" "dead_letter_readers" {
  for_each = length(var.dead_letter_readers) == 0 ? {} : var.consumers

  project      = var.project_id
  subscription = google_pubsub_subscription.dead_letters[each.key].name
  role         = "roles/pubsub.subscriber"
  members      = var.dead_letter_readers

  lifecycle {
    replace_triggered_by = [google_pubsub_subscription.dead_letters[each.key].id]
  }
}

# A redrive asks the consumer's own subscription where it pushes to, and as whom.
resource "google_pubsub_subscription_iam_binding" "push_readers" {
  for_each = length(var.dead_letter_readers) == 0 ? {} : var.consumers

  project      = var.project_id
  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.viewer"
  members      = var.dead_letter_readers

  lifecycle {
    replace_triggered_by = [google_pubsub_subscription.push[each.key].id]
  }
}
