# Bad input is refused before anything is made, each with a full sentence. What a module refuses by
# itself is tried in event_topic.tftest.hcl and service.tftest.hcl, senders in senders.tftest.hcl. Each
# variable of a run breaks one rule.

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

run "another_form" {
  command = plan

  variables {
    alert_thresholds      = { error_ratio = 5 } # in percent
    audit_bucket          = "gs://fanout-test-audit"
    delivery              = merge(var.delivery, { ack_deadline_seconds = 44 }) # under the handler's budget
    delivery_account_id   = "fanout-delivery@fanout-test.iam.gserviceaccount.com"
    environment           = "the test"
    event_store_ttl_days  = 0
    firestore_database    = "Fanout"
    firestore_location    = "moon"
    image                 = null
    labels                = { Team = "growth" }
    mail                  = { from = "hello@example.com", list_unsubscribe = "http://example.com/leave" }
    notification_channels = ["123"]
    notification_email    = "on-call at example.com"
    operators             = ["allUsers"]
    private_ingress       = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    project_id            = "My project"
    project_number        = "fanout-test"
    region                = "us-central1-a" # a zone
    schemas_url           = "https://schemas.example.com/?v=1"
    secret_versions       = { smtp-url = "newest" }
    services              = merge(var.services, { crm-service = merge(var.services["crm-service"], { public = true }) })
    user_service_invokers = ["allAuthenticatedUsers"]
  }

  expect_failures = [
    var.alert_thresholds,
    var.audit_bucket,
    var.delivery,
    var.delivery_account_id,
    var.environment,
    var.event_store_ttl_days,
    var.firestore_database,
    var.firestore_location,
    var.image,
    var.labels,
    var.mail,
    var.notification_channels,
    var.notification_email,
    var.operators,
    var.private_ingress,
    var.project_id,
    var.project_number,
    var.region,
    var.schemas_url,
    var.secret_versions,
    var.services,
    var.user_service_invokers,
  ]
}

run "nearly_right" {
  command = plan

  variables {
    alert_thresholds     = { oldest_unacked_seconds = 0 }
    delivery             = merge(var.delivery, { ack_deadline_seconds = 45 }) # the handler's budget
    event_store_ttl_days = 36501                                              # of a hundred years
    firestore_database   = "f4ae1234-0000-0000-0000-000000000000"
    mail                 = { from = "hello@example.com", list_unsubscribe = "https://example.com/leave> x" }
    notification_email   = "On call <on-call@example.com>"
    operators            = ["ada@example.com"]
    region               = "moon-central1"
    services             = merge(var.services, { crm-service = merge(var.services["crm-service"], { subscribes = [] }) })
  }

  expect_failures = [
    var.alert_thresholds,
    var.delivery,
    var.event_store_ttl_days,
    var.firestore_database,
    var.mail,
    var.notification_email,
    var.operators,
    var.region,
    var.services,
  ]
}

run "nearly_right_in_another_way" {
  command = plan

  variables {
    delivery             = merge(var.delivery, { lease_seconds = 59 }) # under the ack deadline
    event_store_ttl_days = 1.5
    mail                 = { from = "hello@example.com", list_unsubscribe = "mailto:leave" }
    region               = "eu"
    services             = merge(var.services, { crm-service = merge(var.services["crm-service"], { consumer = "Crm" }) })
  }

  expect_failures = [
    var.delivery,
    var.event_store_ttl_days,
    var.mail,
    var.region,
    var.services,
  ]
}

run "attempts_used_up_while_a_lease_runs" {
  command = plan

  variables {
    delivery = merge(var.delivery, { max_delivery_attempts = 5 })
    services = merge(var.services, { crm-service = merge(var.services["crm-service"], { consumer = "a-name-of-twenty-six-letter" }) })
  }

  expect_failures = [
    var.delivery,
    var.services,
  ]
}

run "what_is_not_in_the_table_and_marks_forgotten_before_a_redrive" {
  command = plan

  variables {
    image_of  = { users-service = "HOST/PATH@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }
    overrides = { users-service = { max_instances = 1 } }
    delivery  = merge(var.delivery, { retention_days = 14 })
  }

  expect_failures = [
    var.image_of,
    var.overrides,
    var.delivery,
  ]
}

# In a container it must be told, or its revision is never ready.
run "a_shop_whose_payments_nobody_takes" {
  command = plan

  variables {
    systems   = ["sign-up", "shop"]
    overrides = { payment-service = { max_instances = 2 } }
  }

  expect_failures = [
    var.overrides,
  ]
}

run "callers_that_are_everybody" {
  command = plan

  variables {
    overrides = { crm-service = { invokers = ["group:sales@example.com", "allUsers"] } }
  }

  expect_failures = [
    var.overrides,
  ]
}

# Said by user_service_invokers.
run "callers_of_user_service" {
  command = plan

  variables {
    overrides = { user-service = { invokers = ["group:testers@example.com"] } }
  }

  expect_failures = [
    var.overrides,
  ]
}

run "no_backoff_at_all_and_a_system_that_is_not_in_the_table" {
  command = plan

  variables {
    delivery = merge(var.delivery, { minimum_backoff_seconds = 0 })
    systems  = ["sign-up", "bank-robbery"]
  }

  expect_failures = [
    var.delivery,
    var.systems,
  ]
}

# The edge of what is allowed is allowed.
run "limits_are_inside" {
  command = plan

  variables {
    delivery = {
      ack_deadline_seconds       = 600
      dead_letter_retention_days = 31
      handler_budget_seconds     = 599
      lease_seconds              = 600
      mark_retention_days        = 45
      max_delivery_attempts      = 100
      maximum_backoff_seconds    = 600
      minimum_backoff_seconds    = 1
      retention_days             = 13
    }
  }

  assert {
    condition     = module.topic["user-events"].subscriptions["crm"].dead_letter_policy[0].max_delivery_attempts == 100
    error_message = "100 attempts do not reach the subscription."
  }
}
