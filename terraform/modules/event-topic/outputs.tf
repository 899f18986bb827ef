output "dead_letter_subscriptions" {
  description = "The pull subscriptions of the dead-letter topics, by consumer."
  value       = google_pubsub_subscription.dead_letters
}

output "dead_letter_topics" {
  description = "The dead-letter topics, by consumer."
  value       = google_pubsub_topic.dead_letters
}

output "grants" {
  description = "Every grant this module makes, by what it is for and then by consumer."
  value = {
    dead_letter_publisher  = google_pubsub_topic_iam_member.dead_letter_forwarder
    dead_letter_readers    = google_pubsub_subscription_iam_binding.dead_letter_readers
    dead_letter_subscriber = google_pubsub_subscription_iam_member.dead_letter_forwarder
    parking                = google_pubsub_topic_iam_member.parking
    push_readers           = google_pubsub_subscription_iam_binding.push_readers
  }
}

output "name" {
  description = "The topic's short name, once all that must be there before the first event is there: whoever publishes waits for it."
  value       = google_pubsub_topic.events.name

  depends_on = [
    google_pubsub_subscription.push,
    google_pubsub_subscription_iam_member.dead_letter_forwarder,
  ]
}

output "subscriptions" {
  description = "The push subscriptions, by consumer."
  value       = google_pubsub_subscription.push
}

output "topic" {
  description = "The topic."
  value       = google_pubsub_topic.events
}
