# What is due each minute, for all services: Cloud Run gives no CPU between requests, so Cloud Scheduler
# asks for it. What a sign-up could not publish at once leaves within a minute.

resource "google_cloud_scheduler_job" "tick" {
  project     = var.project_id
  region      = var.region
  name        = "tick"
  description = "Publishes what waits in the outbox, for all services."
  schedule    = "* * * * *"
  time_zone   = "Etc/UTC"

  # The next minute tries again by itself; two runs at once would be harmless.
  attempt_deadline = "60s"

  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = "${module.service["ticker"].url}/tick"

    oidc_token {
      service_account_email = local.caller_emails["ticker-caller"]
      audience              = module.service["ticker"].url
    }
  }

  depends_on = [google_service_account_iam_member.caller_deployer]
}
