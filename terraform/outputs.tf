locals {
  _user_service_url = try(module.service["user-service"].url, null)
}

output "callers" {
  description = "The identities that call services, by service: the only ones that may, besides user_service_invokers and the invokers in overrides."
  value       = { for caller, service in local.callers : service => local.caller_emails[caller] }
}

output "commands" {
  description = "Lines to try the system with, ready to be pasted."
  value = merge(
    local._user_service_url == null ? {} : {
      sign_up         = "curl -X POST ${local._user_service_url}/users${var.user_service_public ? "" : " -H \"Authorization: Bearer $(gcloud auth print-identity-token)\""} -H 'Content-Type: application/json' -d '{\"email\":\"test@example.com\",\"name\":\"Test User\"}'"
      publish_by_hand = "gcloud pubsub topics publish user-events --project=${var.project_id} --message='{\"userId\":\"test-123\",\"email\":\"manual@test.com\",\"name\":\"Manual Test\",\"event\":\"user.created\"}'"
    },
    {
      see_outcomes = "gcloud logging read 'resource.type=\"cloud_run_revision\" AND jsonPayload.outcome:*' --project=${var.project_id} --limit=20 --format='table(timestamp,jsonPayload.consumer,jsonPayload.outcome,jsonPayload.event_id)'"
      tick         = "gcloud scheduler jobs run ${google_cloud_scheduler_job.tick.name} --project=${var.project_id} --location=${var.region}"
    },
    {
      for name, consumer in local.consumers : "look_at_${name}_dead_letters" =>
      "gcloud pubsub subscriptions pull ${consumer.dead_letters} --project=${var.project_id} --limit=10 --format=json"
    },
    {
      for name, consumer in local.consumers : "call_${consumer.service}" =>
      # With a token of the one identity which may call it. Not by `gcloud auth print-identity-token`:
      # that asks for an access token of the identity first, which nobody may have.
      chomp(templatefile("${path.module}/call.sh.tftpl", { account = local.caller_emails["push-${name}"], url = module.service[consumer.service].url }))
    },
  )
}

output "dashboard" {
  description = "The dashboard's id."
  value       = module.monitoring.dashboard
}

output "dead_letter_subscriptions" {
  description = "The subscriptions that dead letters wait in, by consumer."
  value       = { for name, dead_letters in module.dead_letters : name => dead_letters.subscription.name }
}

output "service_urls" {
  description = "The services' addresses, by name."
  value       = { for name, service in module.service : name => service.url }
}

output "subscriptions" {
  description = "The push subscriptions, by consumer."
  value       = { for name, consumer in local.consumers : name => [for topic in consumer.subscribes : module.topic[topic].subscriptions[name].name] }
}

output "test_sender" {
  description = "An address of our own, which the smoke test derives its test user's from."
  value       = regex("([^<>[:space:]]+@[^<>[:space:]]+)>?$", var.mail.from)[0]
}

output "topics" {
  description = "The topics, by short name, with their full names."
  value       = { for name, topic in module.topic : name => topic.topic.id }
}
