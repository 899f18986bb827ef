resource "google_monitoring_notification_channel" "email" {
  count = var.notification_email == null ? 0 : 1

  project      = var.project_id
  display_name = "fanout ${var.environment}"
  type         = "email"
  labels       = { email_address = var.notification_email }
  user_labels  = var.labels
}

locals {
  _channels = concat(var.notification_channels, google_monitoring_notification_channel.email[*].id)
}
