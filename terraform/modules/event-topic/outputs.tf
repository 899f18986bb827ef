output "grants" {
  description = "Every grant this module makes, by what it is for and then by publisher or consumer."
  value = {
    forwarder = google_pubsub_subscription_iam_member.forwarder
    publisher = google_pubsub_topic_iam_member.publisher
  }
}

output "subscriptions" {
  description = "The push subscriptions, by consumer."
  value       = google_pubsub_subscription.push
}

output "topic" {
  description = "The topic."
  value       = google_pubsub_topic.events
}
