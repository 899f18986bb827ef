# The services that take requests and publish events.

module "service" {
  source   = "./modules/service"
  for_each = var.services

  project_id     = var.project_id
  project_number = var.project_number
  region         = var.region
  name           = each.key
  labels         = local.labels

  image               = var.images[each.key]
  concurrency         = each.value.concurrency
  cpu                 = each.value.cpu
  deletion_protection = var.deletion_protection
  deployer            = local.deployer
  firestore_database  = google_firestore_database.fanout.name # state and outbox
  max_instances       = try(coalesce(var.scaling[each.key].max_instances), each.value.max_instances)
  memory              = each.value.memory
  min_instances       = try(coalesce(var.scaling[each.key].min_instances), each.value.min_instances)
  timeout_seconds     = var.delivery.ack_deadline_seconds

  secrets = {
    for variable, secret in each.value.secrets : variable => {
      secret  = secret.secret
      version = lookup(var.secret_versions, secret.secret, secret.version)
    }
  }

  env = merge(local.common_env, lookup(local.environment_env, each.key, {}), each.value.env)

  # A topic hands over its name once all its subscriptions are there; so nobody can sign up before
  # somebody listens.
  publishes = { for topic in each.value.publishes : topic => { id = module.topic[topic].topic.id, name = module.topic[topic].name } }

  # Sign-up is public. No entry of the map can open another service.
  public = each.key == "user-service" && var.user_service_public
  invokers = merge(
    each.value.outbox_relay ? { relay = local.relay_identities[each.key].member } : {},
    each.key == "user-service" ? { for member in var.user_service_invokers : member => member } : {},
  )

  # An index is there before the code whose query needs it.
  depends_on = [google_firestore_field.expires_at, google_firestore_field.single, google_firestore_index.query]
}
