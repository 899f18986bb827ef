# The service's own identity, what it may do, and who may call it. Where it may publish is said by the
# topics (modules/event-topic).

locals {
  # From what is written here, not from what Google answers: so a plan shows who gets what.
  _email   = "${google_service_account.service.account_id}@${var.project_id}.iam.gserviceaccount.com"
  _member  = "serviceAccount:${local._email}"
  _account = "projects/${var.project_id}/serviceAccounts/${local._email}"
}

resource "google_service_account" "service" {
  project      = var.project_id
  account_id   = var.name
  display_name = var.name
  description  = "What ${var.name} runs as. It has just the rights it needs, and no key."
}

# Reads and writes documents of this one database. The role can only be given on the project; the
# condition narrows it to the database.
resource "google_project_iam_member" "firestore" {
  count = var.firestore_database == null ? 0 : 1

  project = var.project_id
  role    = "roles/datastore.user"
  member  = local._member

  condition {
    title       = "database-${trim(var.firestore_database, "()")}"
    description = "Only the database ${var.firestore_database}."
    expression  = "resource.type == \"firestore.googleapis.com/Database\" && resource.name == \"projects/${var.project_id}/databases/${var.firestore_database}\""
  }
}

# Sends spans.
resource "google_project_iam_member" "traces" {
  count = var.traces ? 1 : 0

  project = var.project_id
  role    = "roles/telemetry.tracesWriter"
  member  = local._member
}

# Sends spans for the project's account: each request names it.
resource "google_project_iam_member" "quota" {
  count = var.traces ? 1 : 0

  project = var.project_id
  role    = "roles/serviceusage.serviceUsageConsumer"
  member  = local._member
}

# Reads the secrets that it is started with, each by itself.
resource "google_secret_manager_secret_iam_member" "secret" {
  for_each = var.secrets

  project   = var.project_id
  secret_id = each.value.secret
  role      = "roles/secretmanager.secretAccessor"
  member    = local._member
}

# Deploying a revision that runs as this account needs the right to act as it: as this one, not as
# every account of the project.
resource "google_service_account_iam_member" "deployer" {
  count = var.deployer == null ? 0 : 1

  service_account_id = local._account
  role               = "roles/iam.serviceAccountUser"
  member             = var.deployer
}

# Operators see how the service is set up and whether it runs: `fanout doctor` compares that. Plain
# variables are shown there, secrets are named.
resource "google_cloud_run_v2_service_iam_member" "viewer" {
  for_each = var.viewers

  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_service.service.name
  role     = "roles/run.viewer"
  member   = each.key

  lifecycle {
    replace_triggered_by = [google_cloud_run_v2_service.service.id]
  }
}

# Callers: each may call this service, and no other.
resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.invokers

  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_service.service.name
  role     = "roles/run.invoker"
  member   = each.value

  lifecycle {
    replace_triggered_by = [google_cloud_run_v2_service.service.id]
  }
}
