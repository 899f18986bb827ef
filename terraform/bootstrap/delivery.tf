# Who builds and deploys: one account with the rights that takes, each with its reason. It can't
# enable APIs, change its own rights or read what users stored.

locals {
  # From what is written here, not from what Google answers: so a plan shows who gets what.
  delivery_email  = "${google_service_account.delivery.account_id}@${var.project_id}.iam.gserviceaccount.com"
  delivery_member = "serviceAccount:${local.delivery_email}"
}

resource "google_service_account" "delivery" {
  project      = var.project_id
  account_id   = "fanout-delivery"
  display_name = "fanout-delivery"
  description  = "What Cloud Build runs as: builds images, plans, applies, tests."

  depends_on = [google_project_service.api]
}

# On one bucket, registry or prefix each.
resource "google_artifact_registry_repository_iam_member" "delivery" {
  for_each = { images = google_artifact_registry_repository.images.repository_id, build = google_artifact_registry_repository.build.repository_id }

  project    = var.project_id
  location   = var.region
  repository = each.value
  role       = "roles/artifactregistry.writer" # pushes images, and reads them to deploy
  member     = local.delivery_member
}

resource "google_storage_bucket_iam_member" "builds" {
  bucket = google_storage_bucket.builds.name
  role   = "roles/storage.objectUser" # keeps plans, reads submitted sources
  member = local.delivery_member
}

# The system's state, and not the bootstrap's: so it can't rewrite what it may do.
resource "google_storage_bucket_iam_member" "state" {
  bucket = "${var.project_id}-terraform"
  role   = "roles/storage.objectUser"
  member = local.delivery_member

  condition {
    title       = "fanout-state"
    description = "Only the system's own state; listing is asked of the bucket itself."
    expression  = "resource.type == \"storage.googleapis.com/Bucket\" || resource.name.startsWith(\"projects/_/buckets/${var.project_id}-terraform/objects/fanout/\")"
  }
}

# On the project, where Google has no narrower place: these make things that do not exist yet.
locals {
  _project_roles = {
    "roles/logging.configWriter"                 = "log-based metrics"
    "roles/logging.logWriter"                    = "its own build log"
    "roles/monitoring.alertPolicyEditor"         = "alerts"
    "roles/monitoring.dashboardEditor"           = "the dashboard"
    "roles/monitoring.notificationChannelEditor" = "the channel alerts go to"
  }
}

resource "google_project_iam_member" "delivery" {
  for_each = local._project_roles

  project = var.project_id
  role    = each.key
  member  = local.delivery_member
}

# Where Google's own role would be an admin's: a role of ours (roles.tf) with what Terraform calls.
resource "google_project_iam_member" "keeper" {
  for_each = google_project_iam_custom_role.keeper

  project = var.project_id
  role    = "projects/${var.project_id}/roles/${each.value.role_id}"
  member  = local.delivery_member
}

# Operators' and services' rights on documents, metrics, lists of topics, and traces can only be given on
# the project. The condition lets the pipeline give and take these roles, so it can't make itself an owner.
resource "google_project_iam_member" "granter" {
  project = var.project_id
  role    = "projects/${var.project_id}/roles/${google_project_iam_custom_role.granter.role_id}"
  member  = local.delivery_member

  condition {
    title       = "only-roles-of-operators-and-services"
    description = "May give and take the roles of documents, metrics, lists of topics, and traces, and nothing else."
    expression  = "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly(['roles/datastore.user', 'roles/monitoring.viewer', 'roles/pubsub.viewer', 'roles/serviceusage.serviceUsageConsumer', 'roles/telemetry.tracesWriter'])"
  }
}
