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
    condition     = google_project_iam_member.granter.role == "projects/fanout-test/roles/fanoutDatastoreGranter" && google_project_iam_member.granter.condition[0].expression == "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly(['roles/datastore.user', 'roles/monitoring.viewer', 'roles/pubsub.viewer', 'roles/serviceusage.serviceUsageConsumer', 'roles/telemetry.tracesWriter'])"
    error_message = "The pipeline can give itself any role of the project."
  }

  # What it takes to make things, and nothing that uses them: no document, message, secret or token of
  # another account. A new permission is put here too.
  assert {
    condition = { for name, role in google_project_iam_custom_role.keeper : name => join(" ", sort(role.permissions)) } == { for name, permissions in {
      fanoutAccountKeeper = [
        "iam.serviceAccounts.create",
        "iam.serviceAccounts.delete",
        "iam.serviceAccounts.get",
        "iam.serviceAccounts.getIamPolicy",
        "iam.serviceAccounts.list",
        "iam.serviceAccounts.setIamPolicy",
        "iam.serviceAccounts.update",
      ]
      fanoutDatabaseKeeper = [
        "datastore.databases.create",
        "datastore.databases.getMetadata",
        "datastore.databases.list",
        "datastore.databases.update",
        "datastore.indexes.create",
        "datastore.indexes.delete",
        "datastore.indexes.get",
        "datastore.indexes.list",
        "datastore.indexes.update",
        "datastore.locations.get",
        "datastore.locations.list",
        "datastore.operations.get",
        "datastore.operations.list",
      ]
      fanoutScheduleKeeper = [
        "cloudscheduler.jobs.create",
        "cloudscheduler.jobs.delete",
        "cloudscheduler.jobs.enable",
        "cloudscheduler.jobs.fullView",
        "cloudscheduler.jobs.get",
        "cloudscheduler.jobs.list",
        "cloudscheduler.jobs.pause",
        "cloudscheduler.jobs.update",
        "cloudscheduler.locations.get",
        "cloudscheduler.locations.list",
      ]
      fanoutServiceKeeper = [
        "run.locations.list",
        "run.operations.get",
        "run.operations.list",
        "run.revisions.get",
        "run.revisions.list",
        "run.services.create",
        "run.services.delete",
        "run.services.get",
        "run.services.getIamPolicy",
        "run.services.list",
        "run.services.setIamPolicy",
        "run.services.update",
      ]
      fanoutTopicKeeper = [
        "pubsub.subscriptions.create",
        "pubsub.subscriptions.delete",
        "pubsub.subscriptions.get",
        "pubsub.subscriptions.getIamPolicy",
        "pubsub.subscriptions.list",
        "pubsub.subscriptions.setIamPolicy",
        "pubsub.subscriptions.update",
        "pubsub.topics.attachSubscription",
        "pubsub.topics.create",
        "pubsub.topics.delete",
        "pubsub.topics.get",
        "pubsub.topics.getIamPolicy",
        "pubsub.topics.list",
        "pubsub.topics.setIamPolicy",
        "pubsub.topics.update",
      ]
    } : name => join(" ", sort(permissions)) }
    error_message = "A role of the pipeline's own has another permission than those it takes to make things."
  }

  assert {
    condition     = google_project_iam_custom_role.secret_binder.permissions == toset(["secretmanager.secrets.get", "secretmanager.secrets.getIamPolicy", "secretmanager.secrets.setIamPolicy"])
    error_message = "The pipeline can do more with a secret than saying who reads it."
  }

  assert {
    condition     = google_project_iam_custom_role.granter.permissions == toset(["resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy"])
    error_message = "The role for grants on the project has another permission than it takes for that."
  }

  assert {
    condition     = { for secret, grant in google_secret_manager_secret_iam_member.binder : secret => "${grant.secret_id} ${grant.role}" } == { for secret in keys(google_secret_manager_secret.secret) : secret => "${secret} projects/fanout-test/roles/fanoutSecretBinder" }
    error_message = "The pipeline's right on the secret is not to say who reads it."
  }

  assert {
    condition = "${google_storage_bucket_iam_member.state.bucket} ${google_storage_bucket_iam_member.state.role} ${google_storage_bucket_iam_member.state.condition[0].expression}" == join(" ", [
      "fanout-test-terraform",
      "roles/storage.objectUser",
      "resource.type == \"storage.googleapis.com/Bucket\" || resource.name.startsWith(\"projects/_/buckets/fanout-test-terraform/objects/fanout/\")",
    ])
    error_message = "The pipeline can rewrite the bootstrap's state, or can do more with the bucket than read and write objects."
  }

  assert {
    condition     = "${google_storage_bucket_iam_member.builds.bucket} ${google_storage_bucket_iam_member.builds.role}" == "fanout-test-builds roles/storage.objectUser"
    error_message = "The pipeline can do more with the builds bucket than read and write objects."
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

run "without_a_bank_there_is_no_bucket_for_its_audit" {
  command = apply

  assert {
    condition     = length(google_storage_bucket.audit) == 0 && length(google_storage_bucket_iam_member.audit) == 0
    error_message = "A bucket is locked for seven years that nobody has asked for."
  }
}

run "the_audit_is_locked_for_seven_years_and_only_added_to" {
  command = apply

  variables {
    audit_writers = ["serviceAccount:ledger@fanout-test.iam.gserviceaccount.com"]
  }

  assert {
    condition = (
      google_storage_bucket.audit[0].retention_policy[0].is_locked &&
      tonumber(google_storage_bucket.audit[0].retention_policy[0].retention_period) == 220924800 &&
      length(google_storage_bucket.audit[0].lifecycle_rule) == 0 &&
      !google_storage_bucket.audit[0].force_destroy
    )
    error_message = "A root can be changed, deleted or lost within seven years."
  }

  assert {
    condition     = google_storage_bucket.audit[0].name == "fanout-test-audit" && google_storage_bucket.audit[0].public_access_prevention == "enforced" && google_storage_bucket.audit[0].uniform_bucket_level_access
    error_message = "Roots could become public."
  }

  assert {
    condition     = [for grant in values(google_storage_bucket_iam_member.audit) : "${grant.bucket} ${grant.role} ${grant.member}"] == ["fanout-test-audit roles/storage.objectCreator serviceAccount:ledger@fanout-test.iam.gserviceaccount.com"]
    error_message = "Who adds roots can do more than add them, or somebody else can."
  }
}

run "an_audit_writer_that_is_no_member_is_refused" {
  command = plan

  variables {
    audit_writers = ["ledger"]
  }

  expect_failures = [var.audit_writers]
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
    condition     = alltrue([for registry in [google_artifact_registry_repository.images, google_artifact_registry_repository.build] : registry.format == "DOCKER" && !registry.cleanup_policy_dry_run && length(registry.docker_config) == 0])
    error_message = "Nothing is ever cleaned up: cleaning is only rehearsed, or tags are immutable, whose images can't be deleted."
  }

  assert {
    condition = { for name, registry in { images = google_artifact_registry_repository.images, build = google_artifact_registry_repository.build } : name => toset([
      for policy in registry.cleanup_policies : policy.action == "KEEP" ? "KEEP ${policy.most_recent_versions[0].keep_count}" : "${policy.action} ${policy.condition[0].tag_state} ${policy.condition[0].older_than}"
      ]) } == {
      images = toset(["KEEP 20", "DELETE ANY 2592000s"])
      build  = toset(["KEEP 2", "DELETE ANY 604800s"])
    }
    error_message = "The registries do not keep the last twenty images and the last two layers, and delete the rest after 30 days and 7 days."
  }

  assert {
    condition     = google_secret_manager_secret.secret["smtp-url"].secret_id == "smtp-url" && length(google_secret_manager_secret.secret["smtp-url"].replication[0].auto) == 1
    error_message = "There is no entry for the SMTP address."
  }
}

run "what_the_system_needs_is_switched_on" {
  command = apply

  assert {
    condition = toset(keys(google_project_service.api)) == toset([
      for name in [
        "artifactregistry", "cloudbuild", "cloudresourcemanager", "cloudscheduler", "cloudtrace", "containeranalysis", "firestore", "iam", "iamcredentials",
        "logging", "monitoring", "pubsub", "run", "secretmanager", "storage", "telemetry",
      ] : "${name}.googleapis.com"
    ])
    error_message = "The APIs that are enabled are not those that the system needs."
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
    condition     = google_cloudbuild_trigger.main[0].substitutions == tomap({ _ENVIRONMENT = "dev", _REGION = "us-central1" }) && google_cloudbuild_trigger.main[0].location == "us-central1"
    error_message = "The trigger is not where the repository is connected, or does not say which environment and region it deploys."
  }
}

run "a_repository_that_is_connected_elsewhere" {
  command = apply

  variables {
    github_repository = "example/fanout"
    repository_region = "global"
  }

  assert {
    condition     = google_cloudbuild_trigger.main[0].location == "global" && google_cloudbuild_trigger.main[0].substitutions["_REGION"] == "us-central1"
    error_message = "The trigger is not where the repository is connected, or deploys there."
  }
}

run "made_again_while_the_old_roles_are_reserved" {
  command = apply

  variables {
    custom_role_suffix = "2"
  }

  assert {
    condition = toset(concat(
      [for grant in values(google_project_iam_member.keeper) : grant.role],
      [for grant in values(google_secret_manager_secret_iam_member.binder) : grant.role],
      [google_project_iam_member.granter.role],
      )) == toset([
      for name in ["AccountKeeper", "DatabaseKeeper", "DatastoreGranter", "ScheduleKeeper", "SecretBinder", "ServiceKeeper", "TopicKeeper"] :
      "projects/fanout-test/roles/fanout${name}2"
    ])
    error_message = "A custom role keeps the id that Google has reserved."
  }
}

run "a_role_id_with_a_hyphen" {
  command = plan

  variables {
    custom_role_suffix = "-2"
  }

  expect_failures = [var.custom_role_suffix]
}

run "a_repository_in_a_zone" {
  command = plan

  variables {
    repository_region = "us-central1-a"
  }

  expect_failures = [var.repository_region]
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
