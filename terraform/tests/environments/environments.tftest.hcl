# Run once for each file in environments/:
#   terraform test -test-directory=tests/environments -var-file=environments/prod.tfvars

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project_id     = "fanout-test"
  project_number = "123456789012"
  image          = "us-central1-docker.pkg.dev/fanout-test/fanout/service@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "the_file_is_complete" {
  command = apply

  assert {
    condition     = length(setsubtract(["analytics-service", "crm-service", "email-service", "ticker", "user-service"], keys(output.service_urls))) == 0 && length(output.subscriptions) == length(local.consumers)
    error_message = "The environment does not have all services and subscriptions."
  }

  assert {
    condition     = google_firestore_database.fanout.location_id == var.region
    error_message = "The database is not where the services are."
  }

  assert {
    condition     = alltrue([for service in values(module.service) : service.service.labels.environment == var.environment])
    error_message = "A service does not carry the environment's name."
  }

  # Where real people sign up.
  assert {
    condition     = var.environment != "prod" || (var.deletion_protection && google_firestore_database.fanout.delete_protection_state == "DELETE_PROTECTION_ENABLED")
    error_message = "prod can be deleted by accident."
  }

  assert {
    condition     = var.environment != "prod" || length(module.monitoring.channels) > 0
    error_message = "prod alerts nobody."
  }

  assert {
    condition     = var.environment != "prod" || length(var.operators) > 0
    error_message = "In prod nobody can redrive a dead letter."
  }

  assert {
    condition     = var.environment != "prod" || module.service["user-service"].service.template[0].scaling[0].min_instance_count >= 1
    error_message = "In prod the first person of the morning waits for a cold start."
  }
}
