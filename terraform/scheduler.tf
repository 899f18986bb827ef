# The outbox relay: Cloud Run gives no CPU between requests, so somebody has to ask. What a sign-up
# could not publish at once leaves within a minute.

locals {
  _relayed = { for name, service in var.services : name => service if service.outbox_relay }

  relay_identities = {
    for name, account in google_service_account.relay : name => {
      email  = "${account.account_id}@${var.project_id}.iam.gserviceaccount.com"
      member = "serviceAccount:${account.account_id}@${var.project_id}.iam.gserviceaccount.com"
      name   = "projects/${var.project_id}/serviceAccounts/${account.account_id}@${var.project_id}.iam.gserviceaccount.com"
    }
  }
}

resource "google_service_account" "relay" {
  for_each = local._relayed

  project      = var.project_id
  account_id   = "relay-${each.key}"
  display_name = "relay-${each.key}"
  description  = "What Cloud Scheduler calls ${each.key} as. It may call it, and nothing else."
}

resource "google_cloud_scheduler_job" "relay" {
  for_each = local._relayed

  project     = var.project_id
  region      = var.region
  name        = "relay-${each.key}"
  description = "Publishes what waits in the outbox of ${each.key}."
  schedule    = "* * * * *"
  time_zone   = "Etc/UTC"

  # The next minute tries again by itself; two runs at once would be harmless.
  attempt_deadline = "60s"

  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = "${module.service[each.key].url}/outbox/relay"

    oidc_token {
      service_account_email = local.relay_identities[each.key].email
      audience              = module.service[each.key].url
    }
  }

  depends_on = [google_service_account_iam_member.relay_deployer]
}

# Whoever creates a job that calls as an account must be allowed to act as it.
resource "google_service_account_iam_member" "relay_deployer" {
  for_each = local.deployer == null ? {} : local._relayed

  service_account_id = local.relay_identities[each.key].name
  role               = "roles/iam.serviceAccountUser"
  member             = local.deployer
}

# The smoke test signs up through a service that is not public with this identity's token.
resource "google_service_account_iam_member" "relay_impersonation" {
  for_each = local.deployer == null || var.user_service_public ? {} : local._relayed

  service_account_id = local.relay_identities[each.key].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.deployer
}
