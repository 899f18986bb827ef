# A push to main builds, tests and deploys. Only main: a branch could change cloudbuild.yaml itself
# and would run with these rights. Branches and pull requests are checked elsewhere, without any.

resource "google_cloudbuild_trigger" "main" {
  count = var.github_repository == null ? 0 : 1

  project         = var.project_id
  location        = coalesce(var.repository_region, var.region)
  name            = "fanout-main"
  description     = "Builds, tests and deploys the main branch."
  filename        = "cloudbuild.yaml"
  service_account = "projects/${var.project_id}/serviceAccounts/${local.delivery_email}"

  github {
    owner = split("/", var.github_repository)[0]
    name  = split("/", var.github_repository)[1]

    push {
      branch = "^main$"
    }
  }

  substitutions = {
    _ENVIRONMENT = var.apply_environment
    _REGION      = var.region
  }

  depends_on = [google_project_iam_member.delivery, google_project_iam_member.keeper]
}
