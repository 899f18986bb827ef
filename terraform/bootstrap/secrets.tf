# Entries without values. They stand here, before the system itself, since a service whose secret has
# no version yet does not start.

locals {
  _table   = jsondecode(file("${path.module}/../system.auto.tfvars.json"))
  _secrets = setunion(var.secrets, flatten([for service in values(local._table.services) : values(service.secrets)]))
}

resource "google_secret_manager_secret" "secret" {
  for_each = local._secrets

  project   = var.project_id
  secret_id = each.key
  labels    = local.labels

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}

# The pipeline gives a service the right to read its secret. It may not read it itself: that would
# take the role's own change of this policy, which the audit log shows.
resource "google_project_iam_custom_role" "secret_binder" {
  project     = var.project_id
  role_id     = "fanoutSecretBinder${var.custom_role_suffix}"
  title       = "Fanout: lets services read a secret"
  description = "Sees a secret's name and changes who may read it; does not read it."
  permissions = [
    "secretmanager.secrets.get",
    "secretmanager.secrets.getIamPolicy",
    "secretmanager.secrets.setIamPolicy",
  ]

  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_iam_member" "binder" {
  for_each = google_secret_manager_secret.secret

  project   = var.project_id
  secret_id = each.value.secret_id
  role      = "projects/${var.project_id}/roles/${google_project_iam_custom_role.secret_binder.role_id}"
  member    = local.delivery_member
}
