# Where the pipeline leaves what is to be kept: plans, and the sources of builds that were submitted
# by hand.

resource "google_storage_bucket" "builds" {
  #checkov:skip=CKV_GCP_62:Access is in Cloud Audit Logs; a second bucket of access logs for one pipeline's own files tells nothing more.
  project  = var.project_id
  name     = "${var.project_id}-builds"
  location = var.region
  labels   = local.labels

  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true

  # A plan that was overwritten or deleted can still be read for a while.
  versioning {
    enabled = true
  }

  lifecycle_rule {
    condition {
      age = 90
    }

    action {
      type = "Delete"
    }
  }

  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 7
      with_state                 = "ARCHIVED"
    }

    action {
      type = "Delete"
    }
  }

  depends_on = [google_project_service.api]
}
