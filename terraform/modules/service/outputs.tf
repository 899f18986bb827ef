output "grants" {
  description = "Every grant this module makes, by what it is for."
  value = {
    deployer  = google_service_account_iam_member.deployer
    firestore = google_project_iam_member.firestore
    invoker   = google_cloud_run_v2_service_iam_member.invoker
    quota     = google_project_iam_member.quota
    secret    = google_secret_manager_secret_iam_member.secret
    traces    = google_project_iam_member.traces
    viewer    = google_cloud_run_v2_service_iam_member.viewer
  }
}

output "service" {
  description = "The service."
  value       = google_cloud_run_v2_service.service
}

output "service_account" {
  description = "What the service runs as. It does not wait for the service."
  value       = { email = local._email, member = local._member, name = local._account }
}

output "url" {
  description = "The service's address, once the service runs and its callers may call it."
  value       = local._url

  depends_on = [
    google_cloud_run_v2_service.service,
    google_cloud_run_v2_service_iam_member.invoker,
  ]
}
