# Topics, subscriptions and dead letters. The services come first, then what pushes to them, then the
# right to publish: nothing is pushed to a service that would refuse, and no event is published before
# every consumer is subscribed. Until then events wait in the outbox.

module "dead_letters" {
  source   = "./modules/dead-letters"
  for_each = local.consumers

  project_id     = var.project_id
  project_number = var.project_number
  region         = var.region
  name           = each.value.dead_letters
  labels         = merge(local.labels, { consumer = each.key })
  parks_as       = module.service[each.value.service].service_account.member
  readers        = var.operators
  retention_days = var.delivery.dead_letter_retention_days
}

module "topic" {
  source   = "./modules/event-topic"
  for_each = local.topics

  project_id     = var.project_id
  project_number = var.project_number
  region         = var.region
  name           = each.key
  labels         = local.labels
  delivery       = var.delivery

  consumers = {
    for name, consumer in local.consumers : name => {
      dead_letter_topic    = module.dead_letters[name].topic.id
      filter               = lookup(consumer.filters, each.key, null)
      push_service_account = local.caller_emails["push-${name}"]
      service_url          = module.service[consumer.service].url
    } if contains(consumer.subscribes, each.key)
  }

  publishers = {
    for name, service in local.services : name => module.service[name].service_account.member if contains(service.publishes, each.key)
  }

  depends_on = [
    google_service_account_iam_member.caller_deployer,
    google_service_account_iam_member.push_tokens,
  ]
}

# Operators see which topics and subscriptions there are, and where each is pushed to: `dead-letters`,
# `status` and `doctor` go by that. A list can only be allowed on the project. It reads no message.
resource "google_project_iam_member" "listing" {
  for_each = var.operators

  project = var.project_id
  role    = "roles/pubsub.viewer"
  member  = each.key
}
