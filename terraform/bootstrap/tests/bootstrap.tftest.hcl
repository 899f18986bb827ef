# What comes before the system: enough to build and deploy it, and no more.

mock_provider "google" {}

variables {
  project_id = "fanout-test"
  region     = "us-central1"
}

run "delivery_has_no_right_it_does_not_need" {
  command = apply

  assert {
    condition = toset(concat([for grant in values(google_project_iam_member.delivery) : grant.role], [for grant in values(google_project_iam_member.keeper) : grant.role])) == toset([
      "projects/fanout-test/roles/fanoutAccountKeeper",
      "projects/fanout-test/roles/fanoutDatabaseKeeper",
      "projects/fanout-test/roles/fanoutScheduleKeeper",
      "projects/fanout-test/roles/fanoutServiceKeeper",
      "projects/fanout-test/roles/fanoutTopicKeeper",
      "roles/logging.configWriter",
      "roles/logging.logWriter",
      "roles/monitoring.alertPolicyEditor",
      "roles/monitoring.dashboardEditor",
      "roles/monitoring.notificationChannelEditor",
    ])
    error_message = "The pipeline has another role on the project than those with a reason."
  }

  assert {
    condition     = google_project_iam_member.granter.condition[0].expression == "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly(['roles/datastore.user'])"
    error_message = "The pipeline can give itself any role of the project."
  }

  # What would let it use what it makes: documents, messages, secrets, services, other accounts.
  assert {
    condition = length(setintersection(
      flatten([for role in concat(values(google_project_iam_custom_role.keeper), [google_project_iam_custom_role.secret_binder]) : tolist(role.permissions)]),
      [
        "datastore.databases.delete", "datastore.entities.get", "datastore.entities.list",
        "iam.serviceAccountKeys.create", "iam.serviceAccounts.actAs", "iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken",
        "pubsub.subscriptions.consume", "pubsub.topics.publish",
        "resourcemanager.projects.setIamPolicy",
        "run.routes.invoke",
        "secretmanager.versions.access",
      ],
    )) == 0
    error_message = "A role of the pipeline's own uses what it should only make, or deletes the database."
  }

  assert {
    condition = (
      google_storage_bucket_iam_member.state.bucket == "fanout-test-terraform" &&
      strcontains(google_storage_bucket_iam_member.state.condition[0].expression, "objects/fanout/") &&
      !strcontains(google_storage_bucket_iam_member.state.condition[0].expression, "bootstrap")
    )
    error_message = "The pipeline can rewrite the bootstrap's state."
  }

  assert {
    condition     = toset([for grant in values(google_artifact_registry_repository_iam_member.delivery) : "${grant.repository} ${grant.role}"]) == toset(["fanout roles/artifactregistry.writer", "fanout-build roles/artifactregistry.writer"])
    error_message = "The pipeline can't push to its two registries, or can to more."
  }

  assert {
    condition = alltrue([for grant in concat(
      values(google_project_iam_member.delivery), values(google_project_iam_member.keeper), values(google_artifact_registry_repository_iam_member.delivery), values(google_secret_manager_secret_iam_member.binder),
      [google_project_iam_member.granter, google_storage_bucket_iam_member.builds, google_storage_bucket_iam_member.state],
    ) : grant.member == "serviceAccount:fanout-delivery@fanout-test.iam.gserviceaccount.com"])
    error_message = "A right goes to somebody else than the pipeline's account."
  }
}

run "what_is_kept_is_private_and_ends" {
  command = apply

  assert {
    condition     = google_storage_bucket.builds.public_access_prevention == "enforced" && google_storage_bucket.builds.uniform_bucket_level_access && google_storage_bucket.builds.name == "fanout-test-builds"
    error_message = "Plans could become public."
  }

  assert {
    condition     = google_storage_bucket.builds.versioning[0].enabled && toset([for rule in google_storage_bucket.builds.lifecycle_rule : "${one(rule.action).type} ${coalesce(one(rule.condition).age, one(rule.condition).days_since_noncurrent_time)}"]) == toset(["Delete 90", "Delete 7"])
    error_message = "Plans are kept for ever, or an overwritten one is gone at once."
  }

  assert {
    condition     = google_artifact_registry_repository.images.docker_config[0].immutable_tags && google_artifact_registry_repository.images.format == "DOCKER" && !google_artifact_registry_repository.images.cleanup_policy_dry_run
    error_message = "A tag of a deployed image can be moved, or nothing is ever cleaned up."
  }

  assert {
    condition     = toset([for policy in google_artifact_registry_repository.images.cleanup_policies : policy.action]) == toset(["KEEP", "DELETE"]) && one([for policy in google_artifact_registry_repository.images.cleanup_policies : policy.most_recent_versions[0].keep_count if policy.action == "KEEP"]) == 20
    error_message = "The registry does not keep the last twenty builds and delete the rest."
  }

  assert {
    condition     = [for secret in values(google_secret_manager_secret.secret) : secret.secret_id] == ["smtp-url"] && length(google_secret_manager_secret.secret["smtp-url"].replication[0].auto) == 1
    error_message = "There is no entry for the SMTP address."
  }
}

run "what_the_system_needs_is_switched_on" {
  command = apply

  assert {
    condition = length(setsubtract(
      [for name in ["artifactregistry", "cloudbuild", "cloudscheduler", "firestore", "iam", "iamcredentials", "logging", "monitoring", "pubsub", "run", "secretmanager"] : "${name}.googleapis.com"],
      keys(google_project_service.api),
    )) == 0
    error_message = "An API that the system needs is not enabled."
  }

  assert {
    condition     = alltrue([for api in values(google_project_service.api) : !api.disable_on_destroy])
    error_message = "Destroying this would switch off an API that others in the project need."
  }

  assert {
    condition     = length(google_cloudbuild_trigger.main) == 0
    error_message = "A trigger is made although no repository is named."
  }
}

run "only_main_is_deployed" {
  command = apply

  variables {
    github_repository = "example/fanout"
    apply_environment = "dev"
  }

  assert {
    condition     = google_cloudbuild_trigger.main[0].github[0].push[0].branch == "^main$" && length(google_cloudbuild_trigger.main[0].github[0].pull_request) == 0
    error_message = "Another branch than main, or a pull request, runs with the right to deploy."
  }

  assert {
    condition     = google_cloudbuild_trigger.main[0].service_account == "projects/fanout-test/serviceAccounts/fanout-delivery@fanout-test.iam.gserviceaccount.com" && google_cloudbuild_trigger.main[0].filename == "cloudbuild.yaml"
    error_message = "The trigger does not run cloudbuild.yaml as the pipeline's own account."
  }

  assert {
    condition     = google_cloudbuild_trigger.main[0].substitutions == tomap({ _ENVIRONMENT = "dev", _REGION = "us-central1" })
    error_message = "The trigger does not say which environment and region it deploys."
  }
}

run "a_zone" {
  command = plan

  variables {
    region = "us-central1-a"
  }

  expect_failures = [var.region]
}

run "an_address_instead_of_a_repository" {
  command = plan

  variables {
    github_repository = "https://github.com/example/fanout"
  }

  expect_failures = [var.github_repository]
}
