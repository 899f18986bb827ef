locals {
  labels = merge(var.labels, { application = "fanout", managed-by = "terraform" })

  apis = [
    "artifactregistry.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudresourcemanager.googleapis.com", # grants on the project
    "cloudscheduler.googleapis.com",
    "cloudtrace.googleapis.com",        # without it the Telemetry API takes traces, and throws them away
    "containeranalysis.googleapis.com", # provenance of images
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com", # tokens of push identities
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
    "telemetry.googleapis.com", # traces, where `telemetry` is on
  ]
}

resource "google_project_service" "api" {
  for_each = toset(local.apis)

  project = var.project_id
  service = each.key

  # Others in the project may need it as well.
  disable_on_destroy = false
}
