# Two registries: what is deployed, and what only speeds builds up. Tags may move in both: what is
# deployed is named by its digest, and an image with an immutable tag could never be deleted.

resource "google_artifact_registry_repository" "images" {
  #checkov:skip=CKV_GCP_84:Google's own encryption at rest is enough here: the images hold no secret, and a lost key would make every new instance fail to start.
  project       = var.project_id
  location      = var.region
  repository_id = "fanout"
  description   = "The services' image, deployed by digest."
  format        = "DOCKER"
  labels        = local.labels

  # A release can be rolled back to any of the last twenty builds; the rest goes after a month.
  cleanup_policy_dry_run = false

  cleanup_policies {
    id     = "keep-the-last-twenty"
    action = "KEEP"

    most_recent_versions {
      keep_count = 20
    }
  }

  cleanup_policies {
    id     = "delete-after-a-month"
    action = "DELETE"

    condition {
      tag_state  = "ANY"
      older_than = "2592000s"
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_artifact_registry_repository" "build" {
  #checkov:skip=CKV_GCP_84:Google's own encryption at rest is enough here: compiled dependencies and tools, which can be made again at any time.
  project       = var.project_id
  location      = var.region
  repository_id = "fanout-build"
  description   = "Compiled dependencies and the pipeline's tools: only to make builds faster."
  format        = "DOCKER"
  labels        = local.labels

  cleanup_policy_dry_run = false

  cleanup_policies {
    id     = "keep-the-newest"
    action = "KEEP"

    most_recent_versions {
      keep_count = 2
    }
  }

  cleanup_policies {
    id     = "delete-after-a-week"
    action = "DELETE"

    condition {
      tag_state  = "ANY"
      older_than = "604800s"
    }
  }

  depends_on = [google_project_service.api]
}
