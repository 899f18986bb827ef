# Topics, subscriptions and dead letters.

module "topic" {
  source   = "./modules/event-topic"
  for_each = var.topics

  project_id     = var.project_id
  project_number = var.project_number
  region         = var.region
  name           = each.key
  labels         = local.labels
  delivery       = var.delivery

  dead_letter_readers = var.operators

  # A consumer's address is handed over once the service runs and its caller may call it; so no
  # subscription pushes to a service that would refuse.
  consumers = {
    for name, consumer in local.consumers : name => {
      dead_letter_topic    = consumer.dead_letter_topic
      filter               = consumer.filter
      parks_as             = module.consumer[name].service_account.member
      push_audience        = module.consumer[name].url
      push_endpoint        = "${module.consumer[name].url}/pubsub/push"
      push_service_account = local.push_identities[name].email
      subscription         = consumer.subscription
    } if consumer.topic == each.key
  }

  depends_on = [
    google_service_account_iam_member.push_deployer,
    google_service_account_iam_member.push_tokens,
  ]
}
