output "alerts" {
  description = "The alert policies, by what they watch; null for one that has nothing to watch."
  value = {
    dead_letters   = one(google_monitoring_alert_policy.dead_letters[*])
    errors         = google_monitoring_alert_policy.errors
    latency        = google_monitoring_alert_policy.latency
    late           = google_monitoring_alert_policy.late
    oldest_unacked = one(google_monitoring_alert_policy.oldest_unacked[*])
    outbox         = google_monitoring_alert_policy.outbox
    stuck          = google_monitoring_alert_policy.stuck
    ticker         = google_monitoring_alert_policy.ticker
  }
}

output "channels" {
  description = "Where alerts go."
  value       = local._channels
}

output "dashboard" {
  description = "The dashboard's id."
  value       = google_monitoring_dashboard.fanout.id
}
