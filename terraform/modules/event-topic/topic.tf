# The topic.

locals {
  _retention = "${var.delivery.retention_days * 86400}s"
}

resource "google_pubsub_topic" "events" {
  #checkov:skip=CKV_GCP_83:Google's own encryption at rest is enough here: nobody asks for keys that we would have to rotate and could lose, and a disabled key stops every sign-up.
  project = var.project_id
  name    = var.name
  labels  = var.labels

  # A subscription that is replaced loses what waits there. The topic's own retention lets the new one
  # seek back; consumers recognise what they have done already.
  message_retention_duration = local._retention

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}
