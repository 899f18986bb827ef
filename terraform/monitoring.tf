# Alerts and the dashboard.

module "monitoring" {
  source = "./modules/monitoring"

  project_id  = var.project_id
  environment = var.environment
  labels      = local.labels

  dead_letter_subscriptions = sort([for consumer in values(local.consumers) : consumer.dead_letter_topic])
  notification_channels     = var.notification_channels
  notification_email        = var.notification_email
  outbox_services           = sort(keys(local._relayed))
  public_service            = "user-service"
  relay_jobs                = sort([for job in values(google_cloud_scheduler_job.relay) : job.name])
  retention_days            = { dead_letters = var.delivery.dead_letter_retention_days, messages = var.delivery.retention_days }
  services                  = sort(concat(keys(var.services), [for consumer in values(local.consumers) : consumer.service]))
  subscriptions             = sort([for consumer in values(local.consumers) : consumer.subscription])
  thresholds                = var.alert_thresholds
  topics                    = sort(keys(var.topics))
}
