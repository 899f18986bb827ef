# Bad input is refused before anything is made, each with a full sentence. What a module refuses by
# itself is tried in event_topic.tftest.hcl and service.tftest.hcl, senders in senders.tftest.hcl. Of a variable's rules each input
# here breaks one.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project_id     = "fanout-test"
  project_number = "123456789012"
  environment    = "test"
  region         = "us-central1"
  mail           = { from = "Fanout <hello@example.com>" }
  # Of every service there is a folder for: a further consumer changes no test.
  images = {
    for manifest in fileset("../functions", "*-service/Cargo.toml") :
    dirname(manifest) => "us-central1-docker.pkg.dev/fanout-test/fanout/${dirname(manifest)}@sha256:${sha256(manifest)}"
  }
}

run "region_that_is_a_zone" {
  command = plan

  variables {
    region = "us-central1-a"
  }

  expect_failures = [var.region]
}

run "region_that_does_not_exist" {
  command = plan

  variables {
    region = "moon-central1"
  }

  expect_failures = [var.region]
}

run "region_that_is_a_multi_region" {
  command = plan

  variables {
    region = "eu"
  }

  expect_failures = [var.region]
}

run "project_name_instead_of_its_id" {
  command = plan

  variables {
    project_id = "My project"
  }

  expect_failures = [var.project_id]
}

run "project_id_instead_of_its_number" {
  command = plan

  variables {
    project_number = "fanout-test"
  }

  expect_failures = [var.project_number]
}

run "environment_with_a_space" {
  command = plan

  variables {
    environment = "the test"
  }

  expect_failures = [var.environment]
}

run "label_with_a_capital_letter" {
  command = plan

  variables {
    labels = { Team = "growth" }
  }

  expect_failures = [var.labels]
}

run "database_on_the_moon" {
  command = plan

  variables {
    firestore_location = "moon"
  }

  expect_failures = [var.firestore_location]
}

run "events_that_are_kept_for_no_day" {
  command = plan

  variables {
    event_store_ttl_days = 0
  }

  expect_failures = [var.event_store_ttl_days]
}

run "events_that_are_kept_for_half_a_day_more" {
  command = plan

  variables {
    event_store_ttl_days = 1.5
  }

  expect_failures = [var.event_store_ttl_days]
}

run "database_with_a_capital_letter" {
  command = plan

  variables {
    firestore_database = "Fanout"
  }

  expect_failures = [var.firestore_database]
}

run "database_named_by_a_uuid" {
  command = plan

  variables {
    firestore_database = "f4ae1234-0000-0000-0000-000000000000"
  }

  expect_failures = [var.firestore_database]
}

run "consumers_open_to_a_load_balancer" {
  command = plan

  variables {
    consumer_ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  }

  expect_failures = [var.consumer_ingress]
}

run "delivery_account_with_its_domain" {
  command = plan

  variables {
    delivery_account_id = "fanout-delivery@fanout-test.iam.gserviceaccount.com"
  }

  expect_failures = [var.delivery_account_id]
}

run "ack_deadline_under_the_handlers_budget" {
  command = plan

  variables {
    delivery = { ack_deadline_seconds = 44 }
  }

  expect_failures = [var.delivery]
}

run "ack_deadline_equal_to_the_handlers_budget" {
  command = plan

  variables {
    delivery = { ack_deadline_seconds = 45 }
  }

  expect_failures = [var.delivery]
}

run "lease_under_the_ack_deadline" {
  command = plan

  variables {
    delivery = { lease_seconds = 59 }
  }

  expect_failures = [var.delivery]
}

run "attempts_used_up_while_a_lease_runs" {
  command = plan

  variables {
    delivery = { max_delivery_attempts = 5 }
  }

  expect_failures = [var.delivery]
}

run "marks_forgotten_before_a_redrive" {
  command = plan

  variables {
    delivery = { retention_days = 14 }
  }

  expect_failures = [var.delivery]
}

run "notification_address_that_is_none" {
  command = plan

  variables {
    notification_email = "on-call at example.com"
  }

  expect_failures = [var.notification_email]
}

run "notification_address_with_a_name" {
  command = plan

  variables {
    notification_email = "On call <on-call@example.com>"
  }

  expect_failures = [var.notification_email]
}

run "notification_channel_by_number" {
  command = plan

  variables {
    notification_channels = ["123"]
  }

  expect_failures = [var.notification_channels]
}

run "address_to_unsubscribe_at_in_the_open" {
  command = plan

  variables {
    mail = { from = "hello@example.com", list_unsubscribe = "http://example.com/leave" }
  }

  expect_failures = [var.mail]
}

run "address_to_unsubscribe_at_that_breaks_a_header" {
  command = plan

  variables {
    mail = { from = "hello@example.com", list_unsubscribe = "https://example.com/leave> x" }
  }

  expect_failures = [var.mail]
}

run "address_to_unsubscribe_at_that_is_no_mailbox" {
  command = plan

  variables {
    mail = { from = "hello@example.com", list_unsubscribe = "mailto:leave" }
  }

  expect_failures = [var.mail]
}

run "everybody_as_operator" {
  command = plan

  variables {
    operators = ["allUsers"]
  }

  expect_failures = [var.operators]
}

run "everybody_as_a_caller" {
  command = plan

  variables {
    user_service_invokers = ["allAuthenticatedUsers"]
  }

  expect_failures = [var.user_service_invokers]
}

run "operator_without_a_kind" {
  command = plan

  variables {
    operators = ["ada@example.com"]
  }

  expect_failures = [var.operators]
}

run "threshold_in_percent" {
  command = plan

  variables {
    alert_thresholds = { error_ratio = 5 }
  }

  expect_failures = [var.alert_thresholds]
}

run "threshold_of_zero" {
  command = plan

  variables {
    alert_thresholds = { oldest_unacked_seconds = 0 }
  }

  expect_failures = [var.alert_thresholds]
}

run "scaling_of_a_service_that_is_not_there" {
  command = plan

  variables {
    scaling = { "users-service" = { max_instances = 1 } }
  }

  expect_failures = [var.scaling]
}

run "secret_version_that_is_none" {
  command = plan

  variables {
    secret_versions = { smtp-url = "newest" }
  }

  expect_failures = [var.secret_versions]
}

run "no_images" {
  command = plan

  variables {
    images = {}
  }

  expect_failures = [var.images]
}

run "one_image_missing" {
  command = plan

  variables {
    images = {
      analytics-service = "a@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      crm-service       = "c@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
      user-service      = "u@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
    }
  }

  expect_failures = [var.images]
}

run "consumer_with_a_capital_letter" {
  command = plan

  variables {
    consumers = { Crm = {} }
    images    = { Crm-service = "c@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", user-service = "u@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd" }
  }

  expect_failures = [var.consumers]
}

run "consumer_with_a_name_too_long" {
  command = plan

  variables {
    consumers = { a-name-of-twenty-three = {}, a-name-of-twenty-four-x = {} }
    images = {
      a-name-of-twenty-three-service  = "a@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      a-name-of-twenty-four-x-service = "b@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
      user-service                    = "u@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
    }
  }

  expect_failures = [var.consumers]
}

run "consumer_of_a_topic_that_is_not_there" {
  command = plan

  variables {
    consumers = { analytics = { topic = "orders" }, crm = {}, email = {} }
  }

  expect_failures = [var.consumers]
}

run "service_whose_relay_would_have_no_name" {
  command = plan

  variables {
    services = { a-name-of-twenty-five-abc = { publishes = [] } }
    images = {
      a-name-of-twenty-five-abc = "x@sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
      analytics-service         = "a@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      crm-service               = "c@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
      email-service             = "e@sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
    }
  }

  expect_failures = [var.services]
}

run "service_that_publishes_nowhere_known" {
  command = plan

  variables {
    services = { user-service = { publishes = ["user-event"] } }
  }

  expect_failures = [var.services]
}

run "service_with_a_consumers_name" {
  command = plan

  variables {
    services = { user-service = { publishes = [] }, crm-service = { publishes = [] } }
  }

  expect_failures = [var.services]
}

run "no_backoff_at_all" {
  command = plan

  variables {
    delivery = { minimum_backoff_seconds = 0 }
  }

  expect_failures = [var.delivery]
}

# The edge of what is allowed is allowed.
run "limits_are_inside" {
  command = plan

  variables {
    delivery = {
      ack_deadline_seconds    = 600
      handler_budget_seconds  = 599
      lease_seconds           = 600
      max_delivery_attempts   = 100
      maximum_backoff_seconds = 600
      minimum_backoff_seconds = 1
      retention_days          = 13
    }
  }

  assert {
    condition     = module.topic["user-events"].subscriptions["crm"].dead_letter_policy[0].max_delivery_attempts == 100
    error_message = "100 attempts do not reach the subscription."
  }
}
