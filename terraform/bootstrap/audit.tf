# The bank's audit: the daily roots over all accounts, where nobody can change or delete them, the
# project's owners included. Here, so that the pipeline has no right on it.

locals {
  # Two of any seven years may be leap years.
  _seven_years = (7 * 365 + 2) * 24 * 60 * 60
}

resource "google_storage_bucket" "audit" {
  #checkov:skip=CKV_GCP_62:Access is in Cloud Audit Logs; a second bucket of access logs for one small file a day tells nothing more.
  #checkov:skip=CKV_GCP_78:What the retention policy keeps can't be overwritten, so there are no versions.
  count = length(var.audit_writers) == 0 ? 0 : 1

  project  = var.project_id
  name     = "${var.project_id}-audit"
  location = var.region
  labels   = local.labels

  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true
  force_destroy               = false

  # Locked is for ever: no apply, and no person, can shorten or remove it, and the bucket can be deleted
  # only once the last root in it is seven years old.
  retention_policy {
    is_locked        = true
    retention_period = local._seven_years
  }

  depends_on = [google_project_service.api]
}

# They add, and change or delete nothing.
resource "google_storage_bucket_iam_member" "audit" {
  for_each = var.audit_writers

  bucket = google_storage_bucket.audit[0].name
  role   = "roles/storage.objectCreator"
  member = each.key
}
