# The consumers' services, and the identities that Pub/Sub pushes to them with.

module "consumer" {
  source   = "./modules/service"
  for_each = local.consumers

  project_id     = var.project_id
  project_number = var.project_number
  region         = var.region
  name           = each.value.service
  labels         = merge(local.labels, { consumer = each.key })

  image               = var.images[each.value.service]
  concurrency         = each.value.concurrency
  cpu                 = each.value.cpu
  deletion_protection = var.deletion_protection
  deployer            = local.deployer
  firestore_database  = google_firestore_database.fanout.name # marks and effects
  ingress             = var.consumer_ingress
  max_instances       = try(coalesce(var.scaling[each.value.service].max_instances), each.value.max_instances)
  memory              = each.value.memory
  min_instances       = try(coalesce(var.scaling[each.value.service].min_instances), each.value.min_instances)
  timeout_seconds     = var.delivery.ack_deadline_seconds # longer, and the answer finds nobody

  secrets = {
    for variable, secret in each.value.secrets : variable => {
      secret  = secret.secret
      version = lookup(var.secret_versions, secret.secret, secret.version)
    }
  }

  env = merge(
    local.common_env,
    lookup(local.environment_env, each.value.service, {}),
    each.value.env,
    {
      DEAD_LETTER_TOPIC = each.value.dead_letter_topic
      # The numbers that the container and its subscription must agree on.
      ACK_DEADLINE_SECONDS   = tostring(var.delivery.ack_deadline_seconds)
      HANDLER_BUDGET_SECONDS = tostring(var.delivery.handler_budget_seconds)
      LEASE_SECONDS          = tostring(var.delivery.lease_seconds)
      # Always the edge: Cloud Run checks the token and hands it on without its signature, so no
      # process behind it could check it again.
      PUSH_AUTH = "iam"
    },
  )

  # Its own subscription's identity, and nobody else.
  invokers = { push = local.push_identities[each.key].member }

  # An index is there before the code whose query needs it.
  depends_on = [google_firestore_field.expires_at, google_firestore_field.single, google_firestore_index.query]
}

locals {
  # From what is written here, not from what Google answers: so a plan shows who gets what.
  push_identities = {
    for name, account in google_service_account.push : name => {
      email  = "${account.account_id}@${var.project_id}.iam.gserviceaccount.com"
      member = "serviceAccount:${account.account_id}@${var.project_id}.iam.gserviceaccount.com"
      name   = "projects/${var.project_id}/serviceAccounts/${account.account_id}@${var.project_id}.iam.gserviceaccount.com"
    }
  }
}

resource "google_service_account" "push" {
  for_each = local.consumers

  project      = var.project_id
  account_id   = "push-${each.key}"
  display_name = "push-${each.key}"
  description  = "What ${each.value.subscription} pushes as. It may call ${each.value.service}, and nothing else."
}

# Pub/Sub's own identity makes the tokens of this account: this right on this account, where most
# put the wider serviceAccountTokenCreator on the whole project.
resource "google_service_account_iam_member" "push_tokens" {
  for_each = local.consumers

  service_account_id = local.push_identities[each.key].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

# Operators redrive a dead letter to its one consumer with this identity's token; the smoke test
# reads the effects with it. So a consumer never needs a second caller.
resource "google_service_account_iam_member" "push_impersonation" {
  for_each = {
    for pair in setproduct(keys(local.consumers), compact(concat(tolist(var.operators), [local.deployer]))) :
    "${pair[0]}/${pair[1]}" => { consumer = pair[0], member = pair[1] }
  }

  service_account_id = local.push_identities[each.value.consumer].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = each.value.member
}

# Whoever creates a subscription that pushes as an account must be allowed to act as it.
resource "google_service_account_iam_member" "push_deployer" {
  for_each = local.deployer == null ? {} : local.consumers

  service_account_id = local.push_identities[each.key].name
  role               = "roles/iam.serviceAccountUser"
  member             = local.deployer
}
