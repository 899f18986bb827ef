# Who builds and deploys: one account with the rights that takes, each with its reason. It can't
# enable APIs, change its own rights or read what users stored.

resource "google_service_account" "delivery" {
  project      = var.project_id
  account_id   = "fanout-delivery"
  display_name = "fanout-delivery"
  description  = "What Cloud Build runs as: builds images, plans, applies, tests."

  depends_on = [google_project_service.api]
}

# On one bucket, registry or prefix each.
resource "google_artifact_registry_repository_iam_member" "delivery" {
  for_each = { images = google_artifact_registry_repository.images.name, build = google_artifact_registry_repository.build.name }

  project    = var.project_id
  location   = var.region
  repository = each.value
  role       = "roles/artifactregistry.writer" # pushes images, and reads them to deploy
  member     = google_service_account.delivery.member
}

resource "google_storage_bucket_iam_member" "builds" {
  bucket = google_storage_bucket.builds.name
  role   = "roles/storage.objectUser" # keeps plans, reads submitted sources
  member = google_service_account.delivery.member
}

# The system's state, and not the bootstrap's: so it can't rewrite what it may do.
resource "google_storage_bucket_iam_member" "state" {
  bucket = "${var.project_id}-terraform"
  role   = "roles/storage.objectUser"
  member = google_service_account.delivery.member

  condition {
    title       = "fanout-state"
    description = "Only the system's own state; listing is asked of the bucket itself."
    expression  = "resource.type == \"storage.googleapis.com/Bucket\" || resource.name.startsWith(\"projects/_/buckets/${var.project_id}-terraform/objects/fanout/\")"
  }
}

# On the project, where Google has no narrower place: these create things that do not exist yet.
locals {
  _project_roles = {
    "roles/cloudscheduler.admin"                 = "the outbox relay's schedule"
    "roles/iam.serviceAccountCreator"            = "an account for every new service and subscription"
    "roles/logging.configWriter"                 = "log-based metrics"
    "roles/logging.logWriter"                    = "its own build log"
    "roles/monitoring.alertPolicyEditor"         = "alerts"
    "roles/monitoring.dashboardEditor"           = "the dashboard"
    "roles/monitoring.notificationChannelEditor" = "the channel alerts go to"
    "roles/pubsub.admin"                         = "topics, subscriptions, and who may use them (the editor may not grant)"
    "roles/run.admin"                            = "services, and who may call them (the developer may not grant)"
  }
}

resource "google_project_iam_member" "delivery" {
  for_each = local._project_roles

  project = var.project_id
  role    = each.key
  member  = google_service_account.delivery.member
}

# Accounts: their policies and descriptions, but neither keys nor acting as them. What it may act as
# stands on each account (modules/service).
resource "google_project_iam_custom_role" "account_keeper" {
  project     = var.project_id
  role_id     = "fanoutAccountKeeper"
  title       = "Fanout: keeps service accounts"
  description = "Reads, changes and deletes service accounts and says who may use them."
  permissions = [
    "iam.serviceAccounts.delete",
    "iam.serviceAccounts.get",
    "iam.serviceAccounts.getIamPolicy",
    "iam.serviceAccounts.list",
    "iam.serviceAccounts.setIamPolicy",
    "iam.serviceAccounts.update",
  ]
}

resource "google_project_iam_member" "account_keeper" {
  #checkov:skip=CKV_GCP_49:Every new consumer is a new account, so the right can't stand on accounts that exist; the role has no key and no impersonation in it.
  project = var.project_id
  role    = google_project_iam_custom_role.account_keeper.name
  member  = google_service_account.delivery.member
}

# The database's shape, not its documents.
resource "google_project_iam_custom_role" "database_keeper" {
  project     = var.project_id
  role_id     = "fanoutDatabaseKeeper"
  title       = "Fanout: keeps the database's shape"
  description = "Creates the database, changes its settings, indexes and expiry; reads no document."
  permissions = [
    "datastore.databases.create",
    "datastore.databases.getMetadata",
    "datastore.databases.list",
    "datastore.databases.update",
    "datastore.indexes.create",
    "datastore.indexes.delete",
    "datastore.indexes.get",
    "datastore.indexes.list",
    "datastore.indexes.update",
    "datastore.operations.get",
    "datastore.operations.list",
  ]
}

resource "google_project_iam_member" "database_keeper" {
  project = var.project_id
  role    = google_project_iam_custom_role.database_keeper.name
  member  = google_service_account.delivery.member
}

# A service's right to read and write documents can only be given on the project. The condition lets
# it give and take this one role, so it can't make itself an owner.
resource "google_project_iam_member" "grants_datastore_user" {
  project = var.project_id
  role    = "roles/resourcemanager.projectIamAdmin"
  member  = google_service_account.delivery.member

  condition {
    title       = "only-datastore-user"
    description = "May give and take roles/datastore.user, and nothing else."
    expression  = "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly(['roles/datastore.user'])"
  }
}
