# What must outlive a mistake: the database, its indexes and expiry, and what relays the outbox.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project_id     = "fanout-test"
  project_number = "123456789012"
  environment    = "test"
  region         = "us-central1"
  mail           = { from = "Fanout <hello@example.com>" }
  image          = "us-central1-docker.pkg.dev/fanout-test/fanout/service@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "database" {
  command = apply

  assert {
    condition = (
      google_firestore_database.fanout.type == "FIRESTORE_NATIVE" &&
      google_firestore_database.fanout.name == "(default)" &&
      google_firestore_database.fanout.location_id == "us-central1" &&
      google_firestore_database.fanout.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED" &&
      google_firestore_database.fanout.delete_protection_state == "DELETE_PROTECTION_ENABLED" &&
      google_firestore_database.fanout.deletion_policy == "DELETE"
    )
    error_message = "The database is not native, not in the region, can't be set back to a minute of the last week, can be deleted, or is left behind by a destroy that says that it worked."
  }
}

run "what_collections_tell" {
  command = apply

  variables {
    collections = {
      ending = { automatic_indexes = true, expires_by = "until", indexes = [] }
      hot    = { automatic_indexes = false, expires_by = "expires_at", indexes = [["c"], ["c", "d", "e"]] }
      plain  = { automatic_indexes = true, expires_by = null, indexes = [["a"], ["a", "b"], ["a", "b desc"]] }
    }
  }

  assert {
    condition     = { for field in values(google_firestore_field.expires_at) : field.collection => "${field.field} ${length(field.ttl_config)} ${length(field.index_config[0].indexes)}" } == { ending = "until 1 0", hot = "expires_at 1 0" }
    error_message = "Documents are kept for ever whose collection says when they end, or others are not; or the time they end at is indexed, which is a hot spot."
  }

  assert {
    condition     = [for field in values(google_firestore_field.others) : "${field.collection} ${field.field} ${length(field.ttl_config)} ${length(field.index_config[0].indexes)}"] == ["hot * 0 0"]
    error_message = "Fields are indexed that nobody asks for: each write would pay for it, and meet the others at the end of an index that only grows."
  }

  assert {
    condition     = { for field in values(google_firestore_field.single) : "${field.collection}.${field.field}" => [for index in field.index_config[0].indexes : "${index.query_scope} ${index.order}"] if length(field.ttl_config) == 0 } == { "hot.c" = ["COLLECTION ASCENDING"] }
    error_message = "A field that a query asks for by itself has lost its index, or one has it that is automatic."
  }

  assert {
    condition = toset([for index in values(google_firestore_index.query) : "${index.collection}: ${join(", ", concat([index.query_scope], [for field in index.fields : "${field.field_path} ${field.order}"]))}"]) == toset([
      "hot: COLLECTION, c ASCENDING, d ASCENDING, e ASCENDING",
      "plain: COLLECTION, a ASCENDING, b ASCENDING",
      "plain: COLLECTION, a ASCENDING, b DESCENDING",
    ])
    error_message = "The composite indexes are not those that collections declare."
  }

  # .ci/cloudbuild/adopt-database finds them by these.
  assert {
    condition     = keys(google_firestore_index.query) == ["hot-c-d-e", "plain-a-b", "plain-a-b-desc"]
    error_message = "Composite indexes are known by something else than their collection and fields."
  }
}

run "the_database_can_be_elsewhere" {
  command = apply

  variables {
    firestore_database = "fanout-2"
    firestore_location = "eur3"
  }

  assert {
    condition     = google_firestore_database.fanout.location_id == "eur3" && google_firestore_database.fanout.name == "fanout-2"
    error_message = "firestore_location and firestore_database do not decide where the database is and what it is called."
  }

  assert {
    condition = alltrue([
      for service in values(module.service) :
      one([for env in service.service.template[0].containers[0].env : env.value if env.name == "FIRESTORE_DATABASE"]) == "fanout-2" &&
      endswith(service.grants.firestore[0].condition[0].expression, "/databases/fanout-2\"")
    ])
    error_message = "A service is told of another database than its right is on."
  }

  assert {
    condition     = alltrue([for made in concat(values(google_firestore_field.expires_at), values(google_firestore_field.single), values(google_firestore_field.others), values(google_firestore_index.query)) : made.database == "fanout-2"])
    error_message = "Expiry or an index is made in another database."
  }
}

run "ticker" {
  command = apply

  assert {
    condition = (
      google_cloud_scheduler_job.tick.schedule == "* * * * *" &&
      google_cloud_scheduler_job.tick.time_zone == "Etc/UTC" &&
      google_cloud_scheduler_job.tick.attempt_deadline == "60s" &&
      google_cloud_scheduler_job.tick.retry_config[0].retry_count == 0 &&
      google_cloud_scheduler_job.tick.http_target[0].http_method == "POST" &&
      google_cloud_scheduler_job.tick.http_target[0].uri == "https://ticker-123456789012.us-central1.run.app/tick"
    )
    error_message = "Nobody calls POST /tick each minute, once and for as long as a run takes: events whose first publish fails would wait for ever."
  }

  assert {
    condition = (
      google_cloud_scheduler_job.tick.http_target[0].oidc_token[0].service_account_email == "ticker-caller@fanout-test.iam.gserviceaccount.com" &&
      google_cloud_scheduler_job.tick.http_target[0].oidc_token[0].audience == "https://ticker-123456789012.us-central1.run.app"
    )
    error_message = "Cloud Scheduler does not call with its own identity for the ticker."
  }
}
