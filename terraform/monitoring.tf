# Alerts and the dashboard.

module "monitoring" {
  source = "./modules/monitoring"

  project_id  = var.project_id
  environment = var.environment
  labels      = local.labels

  dead_letter_subscriptions = sort(values(local.consumers)[*].dead_letters)
  notification_channels     = var.notification_channels
  notification_email        = var.notification_email
  public_service            = "user-service"
  retention_days            = { dead_letters = var.delivery.dead_letter_retention_days, messages = var.delivery.retention_days }
  services                  = sort(keys(local.services))
  subscriptions             = sort(flatten([for topic in values(module.topic) : values(topic.subscriptions)[*].name]))
  thresholds                = var.alert_thresholds
  tick_job                  = google_cloud_scheduler_job.tick.name
  ticker                    = "ticker"
  topics                    = sort(local.topics)
}

# `fanout status` reads the backlog from Cloud Monitoring. Nothing narrower than the project can be given.
resource "google_project_iam_member" "watching" {
  for_each = var.operators

  project = var.project_id
  role    = "roles/monitoring.viewer"
  member  = each.key
}
