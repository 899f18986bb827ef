# The services: one image, each in its own role, with its own account, limits and callers.

module "service" {
  source   = "./modules/service"
  for_each = local.services

  project_id     = var.project_id
  project_number = var.project_number
  region         = var.region
  name           = each.key
  labels         = merge(local.labels, each.value.consumer == null ? {} : { consumer = each.value.consumer })

  image               = lookup(var.image_of, each.key, var.image)
  concurrency         = each.value.concurrency
  cpu                 = each.value.cpu
  deletion_protection = var.deletion_protection
  deployer            = local.deployer
  firestore_database  = google_firestore_database.fanout.name # state, outbox, marks, effects
  ingress             = each.value.public ? "INGRESS_TRAFFIC_ALL" : var.private_ingress
  max_instances       = each.value.max_instances
  memory              = each.value.memory
  min_instances       = each.value.min_instances
  # Longer than Pub/Sub waits, and the answer finds nobody.
  timeout_seconds = each.value.consumer == null ? null : var.delivery.ack_deadline_seconds
  traces          = var.telemetry != "off"
  collector_image = var.telemetry == "sidecar" ? var.collector_image : null

  env = merge(
    local.common_env,
    lookup(local.environment_env, each.key, {}),
    each.value.env,
    each.value.consumer == null ? {} : local.consumer_env,
  )

  secrets = {
    for variable, secret in each.value.secrets : variable => { secret = secret, version = lookup(var.secret_versions, secret, "latest") }
  }

  # Sign-up is public. No entry of the table can open another service.
  public = each.key == "user-service" && each.value.public && var.user_service_public
  invokers = merge(
    { for caller, service in local.callers : caller => local.caller_members[caller] if service == each.key },
    { for member in each.key == "user-service" ? var.user_service_invokers : each.value.invokers : member => member },
  )

  viewers = var.operators

  # An index is there before the code whose query needs it.
  depends_on = [google_firestore_field.expires_at, google_firestore_field.single, google_firestore_index.query]
}
