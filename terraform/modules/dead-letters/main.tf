# A consumer's dead letters: a topic, with a subscription of its own, since a topic without one drops
# what is published on it; and who may do what with them. A grant on something that is replaced goes
# with it, and Terraform would not notice: hence each replace_triggered_by. (On `.id`, which changes with
# a replacement only: a new label must not take a grant away for a moment.)

resource "google_pubsub_topic" "dead_letters" {
  #checkov:skip=CKV_GCP_83:Google's own encryption at rest is enough here: nobody asks for keys that we would have to rotate and could lose, and a disabled key would block parking.
  project = var.project_id
  name    = var.name
  labels  = var.labels

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

resource "google_pubsub_subscription" "dead_letters" {
  project = var.project_id
  name    = var.name
  topic   = google_pubsub_topic.dead_letters.id
  labels  = var.labels

  ack_deadline_seconds       = 60
  message_retention_duration = "${var.retention_days * 86400}s"

  # Never: a dead-letter subscription is idle as long as all is well.
  expiration_policy {
    ttl = ""
  }
}

# Pub/Sub itself forwards what keeps failing, by its own identity in this project. (Only google-beta can
# look that up, and one name is no reason for a second provider: it is made from the project's number.)
resource "google_pubsub_topic_iam_member" "forwarder" {
  project = var.project_id
  topic   = google_pubsub_topic.dead_letters.name
  role    = "roles/pubsub.publisher"
  member  = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  lifecycle {
    replace_triggered_by = [google_pubsub_topic.dead_letters.id]
  }
}

# The consumer parks here what will never work.
resource "google_pubsub_topic_iam_member" "parking" {
  project = var.project_id
  topic   = google_pubsub_topic.dead_letters.name
  role    = "roles/pubsub.publisher"
  member  = var.parks_as

  lifecycle {
    replace_triggered_by = [google_pubsub_topic.dead_letters.id]
  }
}

# Operators list, redrive and discard dead letters. A binding, not a member: it also takes the right
# away from anybody else who was given it by hand.
resource "google_pubsub_subscription_iam_binding" "readers" {
  count = length(var.readers) == 0 ? 0 : 1

  project      = var.project_id
  subscription = google_pubsub_subscription.dead_letters.name
  role         = "roles/pubsub.subscriber"
  members      = var.readers

  lifecycle {
    replace_triggered_by = [google_pubsub_subscription.dead_letters.id]
  }
}
