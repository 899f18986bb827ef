output "grants" {
  description = "Every grant this module makes, by what it is for."
  value = {
    forwarder = google_pubsub_topic_iam_member.forwarder
    parking   = google_pubsub_topic_iam_member.parking
    readers   = one(google_pubsub_subscription_iam_binding.readers[*])
  }
}

output "subscription" {
  description = "The pull subscription that dead letters wait in."
  value       = google_pubsub_subscription.dead_letters
}

output "topic" {
  description = "The topic, once what is parked or forwarded on it is kept: nothing is pushed before."
  value       = google_pubsub_topic.dead_letters

  depends_on = [
    google_pubsub_subscription.dead_letters,
    google_pubsub_topic_iam_member.forwarder,
    google_pubsub_topic_iam_member.parking,
  ]
}
