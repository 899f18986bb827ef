# Who calls: an account for each way in that is not public, which may call its one service and nothing
# else.

locals {
  callers = merge(
    { for name, consumer in local.consumers : "push-${name}" => consumer.service },
    { ticker-caller = "ticker" },
    # The smoke test signs up as it; a public service checks no caller.
    local.deployer != null && !var.user_service_public && contains(keys(local.services), "user-service") ? { sign-up-caller = "user-service" } : {},
  )

  # From what is written here, not from what Google answers: so a plan shows who gets what.
  caller_emails   = { for caller, account in google_service_account.caller : caller => "${account.account_id}@${var.project_id}.iam.gserviceaccount.com" }
  caller_members  = { for caller, email in local.caller_emails : caller => "serviceAccount:${email}" }
  caller_accounts = { for caller, email in local.caller_emails : caller => "projects/${var.project_id}/serviceAccounts/${email}" }
}

resource "google_service_account" "caller" {
  for_each = local.callers

  project      = var.project_id
  account_id   = each.key
  display_name = each.key
  description  = "What ${each.value} is called as. It may call that service, and nothing else."
}

# Pub/Sub's own identity makes the tokens of the accounts it pushes as: this right on these accounts,
# where most put the wider serviceAccountTokenCreator on the whole project.
resource "google_service_account_iam_member" "push_tokens" {
  for_each = local.consumers

  service_account_id = local.caller_accounts["push-${each.key}"]
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

# Operators redrive a dead letter to its one consumer with the token of its caller; the smoke test
# reads the effects with it, and signs up. So no service needs a second caller.
resource "google_service_account_iam_member" "impersonation" {
  for_each = {
    for pair in setproduct(setsubtract(keys(local.callers), ["ticker-caller"]), compact(concat(tolist(var.operators), [local.deployer]))) :
    "${pair[0]}/${pair[1]}" => { caller = pair[0], member = pair[1] } if pair[0] != "sign-up-caller" || pair[1] == local.deployer
  }

  service_account_id = local.caller_accounts[each.value.caller]
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = each.value.member
}

# Who creates a subscription or a job that calls as an account must be allowed to act as it.
resource "google_service_account_iam_member" "caller_deployer" {
  for_each = local.deployer == null ? [] : setsubtract(keys(local.callers), ["sign-up-caller"])

  service_account_id = local.caller_accounts[each.key]
  role               = "roles/iam.serviceAccountUser"
  member             = local.deployer
}
