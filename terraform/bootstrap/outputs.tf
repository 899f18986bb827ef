output "add_secrets" {
  description = "What a person does next: a line for each secret that has no value yet."
  value       = { for id in local._secrets : id => "printf %s 'VALUE' | gcloud secrets versions add ${id} --project=${var.project_id} --data-file=-" }
}

output "build" {
  description = "What a person does then: build and push the image."
  value       = "gcloud builds submit --project=${var.project_id} --region=${var.region} --config=cloudbuild.yaml --gcs-source-staging-dir=gs://${google_storage_bucket.builds.name}/source --substitutions=_REGION=${var.region}"
}

output "delivery_service_account" {
  description = "What Cloud Build runs as."
  value       = local.delivery_email
}

output "registry" {
  description = "Where images are pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
}
